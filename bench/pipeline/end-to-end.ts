// The flights job from a file of JSON Lines to synced files: pipeline against a loop that writes the same bytes.

import { deepStrictEqual } from 'node:assert/strict';
import {
  createReadStream,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSystemCheckpointStore } from 'tidegate';
import { fileSink, jsonLinesSource } from 'tidegate/files';
import { FlightsLoop, flightsPipeline, type Flight } from './flights.js';

/** A directory with the flights as a file, removed when the process ends. */
export class Room {
  readonly #path = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
  readonly input = join(this.#path, 'flights.jsonl');
  #works = 0;

  constructor(flights: readonly Flight[]) {
    process.on('exit', () => rmSync(this.#path, { recursive: true, force: true }));
    writeFileSync(this.input, flights.map((flight) => `${JSON.stringify(flight)}\n`).join(''));
  }

  newWork(): string {
    this.#works += 1;
    return mkdtempSync(join(this.#path, `work-${this.#works}-`));
  }
}

/** Reads blocks, parses lines, buffers output by 256 KiB, and syncs both files at the end. */
export async function loopOfFiles(input: string, work: string): Promise<void> {
  const [statistics, archive] = [
    await openOutput(work, 'statistics'),
    await openOutput(work, 'archive'),
  ];
  const loop = new FlightsLoop(
    (records) => statistics.write(records),
    (records) => archive.write(records),
  );
  let rest = '';
  for await (const chunk of createReadStream(input, { encoding: 'utf8', highWaterMark: 262_144 })) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop() ?? '';
    await loop.process(lines.map((line) => JSON.parse(line) as Flight));
  }
  await loop.end();
  await Promise.all([statistics.end(), archive.end()]);
}

/** @param intervalMs Between checkpoints; 0 for the last one alone. */
export async function pipelineOfFiles(
  input: string,
  work: string,
  intervalMs: number,
): Promise<number> {
  const pipeline = flightsPipeline(jsonLinesSource<Flight>(input), {
    statistics: fileSink({ directory: join(work, 'statistics') }),
    archive: fileSink({ directory: join(work, 'archive') }),
  });
  const report = await pipeline.run({
    store: new FileSystemCheckpointStore(join(work, 'checkpoints')),
    checkpoint: { intervalMs },
    handleSignals: false,
  });
  return report.checkpoints;
}

export function refuseDifferentFiles(byLoop: string, byPipeline: string): void {
  for (const output of ['statistics', 'archive']) {
    const directory = join(byPipeline, output);
    const parts = readdirSync(directory).filter((name) => name.startsWith('part-'));
    const found = Buffer.concat(parts.sort().map((name) => readFileSync(join(directory, name))));
    deepStrictEqual(found, readFileSync(join(byLoop, `${output}.jsonl`)));
  }
}

class Output {
  readonly #file: FileHandle;
  #text = '';

  constructor(file: FileHandle) {
    this.#file = file;
  }

  write(records: readonly unknown[]): Promise<void> | undefined {
    for (const record of records) this.#text += `${JSON.stringify(record)}\n`;
    return this.#text.length < 262_144 ? undefined : this.#flush();
  }

  async end(): Promise<void> {
    await this.#flush();
    await this.#file.sync();
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    await this.#file.writeFile(text);
  }
}

async function openOutput(work: string, name: string): Promise<Output> {
  return new Output(await open(join(work, `${name}.jsonl`), 'w'));
}
