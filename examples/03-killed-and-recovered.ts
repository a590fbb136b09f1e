// A pipeline from a file into files, killed with SIGKILL again and again until it has finished.

import { fork } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileSystemCheckpointStore, Pipeline } from 'tidegate';
import type { ReadableSource, Sink } from 'tidegate/extend';
import { fileSink, jsonLinesSource } from 'tidegate/files';

export interface Order {
  readonly id: number;
  readonly account: string;
  readonly amount: number;
}

/** What a user writes: the pipeline. */
export function buildOrders(source: ReadableSource<Order>, archive: Sink<Order>): Pipeline {
  const pipeline = new Pipeline('orders');
  pipeline.source('orders', source).to('archive', archive);
  return pipeline;
}

/** One life of it: from a file into files, with its checkpoints beside them. */
async function runOrders(folder: string): Promise<void> {
  const pipeline = buildOrders(
    jsonLinesSource<Order>(join(folder, 'orders.jsonl')),
    fileSink<Order>({ directory: join(folder, 'archive') }),
  );
  const run = pipeline.prepare({
    store: new FileSystemCheckpointStore(join(folder, 'checkpoints')),
    checkpoint: { intervalMs: 5 },
  });
  run.coordinator.events.on('checkpoint-completed', () => process.send?.('checkpoint'));
  const { recovery, outcome } = await run.run();
  console.log(`recovery: ${recovery?.row.label}, epoch ${recovery?.resumed?.epoch}; ${outcome}`);
}

/** The rest kills it: each of the first five lives ends with its first checkpoint. */
async function killUntilFinished(folder: string): Promise<void> {
  for (let lives = 1; ; lives++) {
    const life = fork(fileURLToPath(import.meta.url), [folder]);
    let checkpoints = 0;
    life.on('message', () => {
      checkpoints += 1;
      if (lives <= 5 && checkpoints === 1) life.kill('SIGKILL');
    });
    const code = await new Promise<number | null>((resolve) => life.once('exit', resolve));
    console.log(code === null ? `life ${lives} was killed` : `life ${lives} came to its end`);
    if (code === 0) return;
    if (code !== null) throw new Error(`the job ended with ${code}`);
  }
}

async function main(): Promise<void> {
  const [, , given] = process.argv;
  if (given !== undefined) return runOrders(given);
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-orders-'));
  const input = Array.from({ length: 500_000 }, (_, id) =>
    JSON.stringify({ id, account: `account-${id % 97}`, amount: id % 13 }),
  );
  writeFileSync(join(folder, 'orders.jsonl'), `${input.join('\n')}\n`);
  await killUntilFinished(folder);

  const archive = join(folder, 'archive');
  const output = readdirSync(archive, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort()
    .flatMap((name) => readFileSync(join(archive, name), 'utf8').split('\n').filter(Boolean));
  const ids = output.map((line) => (JSON.parse(line) as Order).id);
  console.log(`lost ${input.length - new Set(ids).size}`);
  console.log(`duplicates ${ids.length - new Set(ids).size}`);
  if (ids.length !== input.length || new Set(ids).size !== input.length) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
