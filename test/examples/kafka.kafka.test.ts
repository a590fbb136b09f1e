// The Kafka examples against a real broker: totals are right, also behind an end in the middle.

import { afterEach, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memorySink, MemoryCheckpointStore } from 'tidegate';
import { consume, totalsPipeline, totalsTopic, type Total } from '../../examples/02-kafka.js';
import { admin, client, newTopic, pause, send } from '../connectors/kafka/topics.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const orders = Array.from({ length: 60 }, (_, index) => ({
  account: `a${index % 3}`,
  amount: index,
}));
const messages = orders.map((order) => ({ key: order.account, value: JSON.stringify(order) }));
const sums = Object.fromEntries(
  ['a0', 'a1', 'a2'].map((account) => [
    account,
    orders.filter((one) => one.account === account).reduce((sum, { amount }) => sum + amount, 0),
  ]),
);

function last(totals: readonly Total[]): Record<string, number> {
  return Object.fromEntries(totals.map(({ account, amount }) => [account, amount]));
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isTrue(); tries += 1) await pause(50);
  expect(isTrue()).toBe(true);
}

test('a pipeline from a topic to a table', async () => {
  const topic = await newTopic(3);
  await send(topic, messages);
  const table = memorySink<Total>();
  const stop = new AbortController();
  const store = new MemoryCheckpointStore();
  const running = totalsPipeline(client(), topic, table).run({
    store,
    signal: stop.signal,
    checkpoint: { intervalMs: 50 },
  });
  await until(() => table.records.length === orders.length);
  stop.abort();
  await running;
  expect(last(table.records)).toEqual(sums);
});

test('a pipeline from a topic to a topic', async () => {
  const [from, to] = [await newTopic(3), await newTopic(1)];
  await send(from, messages);
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-example-'));
  folders.push(folder);
  const stop = new AbortController();
  const sink = totalsTopic(client(), to, join(folder, 'staging'));
  const running = totalsPipeline(client(), from, sink).run({
    store: new MemoryCheckpointStore(),
    signal: stop.signal,
    checkpoint: { intervalMs: 50 },
  });
  const connected = await admin();
  for (let tries = 0; tries < 400; tries += 1) {
    const [range] = await connected.fetchTopicOffsets(to);
    // A control record ends each transaction.
    if (Number(range?.high) > orders.length) break;
    await pause(50);
  }
  stop.abort();
  await running;
  const [range] = await connected.fetchTopicOffsets(to);
  expect(Number(range?.high)).toBeGreaterThan(orders.length);
});

test('a loop over eachBatch, ended in the middle and started again', async () => {
  const topic = await newTopic(3);
  await send(topic, messages.slice(0, 30));
  const table = memorySink<Total>();
  const store = new MemoryCheckpointStore();
  const first = { 0: '0', 1: '0', 2: '0' };
  const one = await consume({ client: client(), topic, store, table }, first);
  const running = one.run();
  await until(() => one.coordinator.status().phase === 'running');
  await pause(1_500);
  await one.coordinator.stop();
  await running;
  expect(table.records).toHaveLength(30);
  await send(topic, messages.slice(30));
  const other = await consume({ client: client(), topic, store, table }, first);
  const again = other.run();
  await pause(2_500);
  await other.coordinator.stop();
  await again;
  expect(table.records).toHaveLength(orders.length);
  expect(last(table.records)).toEqual(sums);
});
