// Three processes over four partitions on a real broker: one is killed, one stands still for longer than its
// session, one leaves in order; what each task has written is complete, once, with the right sums.

import { afterAll, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newTopic, pause, send } from '../connectors/kafka/topics.js';

const partitions = 4;
const sessionTimeoutMs = 3_000;
const room = mkdtempSync(join(tmpdir(), 'tidegate-workers-'));
const workers: Worker[] = [];
afterAll(() => {
  for (const { process: child } of workers) child.kill('SIGKILL');
  rmSync(room, { recursive: true, force: true, maxRetries: 5 });
});

interface Worker {
  readonly process: ChildProcess;
  readonly said: string[];
  readonly ended: Promise<number | null>;
}

function start(topic: string): Worker {
  const brokers = (process.env.KAFKA_BROKERS ?? '').split(',')[0];
  const name = `w${workers.length}`;
  const place = { brokers, room, topic, sessionTimeoutMs, name };
  const program = new URL('worker.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(place)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => said.push(String(data)));
  }
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const worker = { process: child, said, ended };
  workers.push(worker);
  return worker;
}

/** What a task has published, in order. */
function written(partition: number): readonly { readonly offset: number; readonly sum: number }[] {
  const directory = join(room, `out#${partition}`);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.startsWith('part-'))
    .sort()
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as { readonly offset: number; readonly sum: number });
}

async function untilWritten(count: number): Promise<void> {
  const counts = (): readonly number[] =>
    Array.from({ length: partitions }, (_, partition) => written(partition).length);
  for (let tries = 0; tries < 600 && counts().some((one) => one < count); tries += 1) {
    await pause(100);
  }
  const said = workers.map((worker) => worker.said.join(''));
  expect([counts(), said]).toEqual([Array.from({ length: partitions }, () => count), said]);
}

test('every record is in the output of its task once, with the right sum, after any number of moves', async () => {
  const topic = await newTopic(partitions);
  let fed = 0;
  const feed = async (count: number): Promise<void> => {
    for (let partition = 0; partition < partitions; partition += 1) {
      const messages = Array.from({ length: count }, (_, index) => ({
        partition,
        value: String(fed + index),
      }));
      await send(topic, messages);
    }
    fed += count;
  };
  const [first, second, third] = [start(topic), start(topic), start(topic)];
  await feed(50);
  await untilWritten(50);

  first.process.kill('SIGKILL');
  await feed(50);
  await untilWritten(100);

  const heir = start(topic);
  second.process.kill('SIGSTOP');
  await feed(50);
  await untilWritten(150);
  second.process.kill('SIGCONT');
  await feed(50);
  await untilWritten(200);

  third.process.kill('SIGTERM');
  expect(await third.ended).toBe(0);
  await feed(50);
  await untilWritten(250);
  for (const worker of [second, heir]) worker.process.kill('SIGTERM');
  expect(await Promise.all([second.ended, heir.ended])).toEqual([0, 0]);

  for (let partition = 0; partition < partitions; partition += 1) {
    const expected = Array.from({ length: fed }, (_, offset) => ({
      offset,
      sum: (offset * (offset + 1)) / 2,
    }));
    expect(written(partition)).toEqual(expected);
  }
}, 180_000);
