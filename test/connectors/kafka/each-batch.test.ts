// The source over `eachBatch`: where the consumer is moved, and which batches are dropped.

import { expect, test } from '@jest/globals';
import { eachBatchSource, type EachBatchCall } from 'tidegate/kafka';

const { signal } = new AbortController();

function set() {
  const seeks: string[] = [];
  let join: () => void = () => undefined;
  const consumer = {
    events: { GROUP_JOIN: 'consumer.group_join' as const },
    on: (_: string, listener: () => void) => (join = listener),
    seek: ({ partition, offset }: { partition: number; offset: string }) =>
      seeks.push(`${partition}@${offset}`),
  };
  const made = eachBatchSource({
    consumer,
    topic: 't',
    start: { 0: '5', 1: '0' },
    record: ({ value }) => String(value),
  });
  return { ...made, seeks, join: () => join() };
}

function batch(partition: number, offsets: readonly number[], resolved: string[] = []) {
  const messages = offsets.map((offset) => ({
    offset: String(offset),
    key: null,
    value: Buffer.from(`v${offset}`),
  }));
  const call: EachBatchCall = {
    batch: { partition, messages },
    isStale: () => false,
    heartbeat: () => Promise.resolve(),
    resolveOffset: (offset) => resolved.push(offset),
  };
  return call;
}

test('the consumer is moved at each join, and not before it has joined', async () => {
  const { source, seeks, join } = set();
  await source.restore({ 0: '7', 1: '0' }, { signal });
  expect(seeks).toEqual([]);
  join();
  expect(seeks).toEqual(['0@7', '1@0']);
  await source.restore({ 0: '6', 1: '2' }, { signal });
  expect(seeks.slice(2)).toEqual(['0@6', '1@2']);
});

test('a batch is handed over with the offset behind it, and then resolved', async () => {
  const { source, eachBatch, join } = set();
  join();
  const resolved: string[] = [];
  const reading = source.read({ signal })[Symbol.asyncIterator]();
  const handed = eachBatch(batch(0, [5, 6], resolved));
  const { value } = (await reading.next()) as { value: unknown };
  await handed;
  expect(value).toMatchObject({ records: ['v5', 'v6'], offsets: { 0: '7', 1: '0' } });
  expect(resolved).toEqual(['6']);
});

test('a batch that was fetched before the consumer was moved back is dropped, and not resolved', async () => {
  const { source, eachBatch, join } = set();
  join();
  const reading = source.read({ signal })[Symbol.asyncIterator]();
  const first = eachBatch(batch(0, [5, 6]));
  await reading.next();
  await first;
  const resolved: string[] = [];
  const stale = eachBatch(batch(0, [7, 8], resolved));
  await source.restore({ 0: '5', 1: '0' }, { signal });
  await stale;
  expect(resolved).toEqual([]);
});
