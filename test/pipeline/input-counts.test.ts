// What a run says of the lines that it has read: how many, and why some of them gave no record.

import { expect, test } from '@jest/globals';
import { csvSource, jsonLinesSource } from 'tidegate/files';
import { MemoryCheckpointStore, Pipeline, arraySource, iterableSource, memorySink } from 'tidegate';
import { SimulatedDisk } from 'tidegate/testing';

test('the report and the status count lines by source, and skipped ones by reason', async () => {
  const disk = new SimulatedDisk();
  disk.writeFile('/orders.csv', Buffer.from('id,name\n1,a\n\n2\n3,c\n'));
  disk.writeFile('/events.jsonl', Buffer.from('{"id":4}\nnonsense\n\n'));
  const { fileSystem } = disk.mount();
  const options = { fileSystem, onBadRecord: 'skip' } as const;
  const pipeline = new Pipeline('counts');
  pipeline.source('orders', csvSource('/orders.csv', options)).to('a', memorySink());
  pipeline.source('events', jsonLinesSource('/events.jsonl', options)).to('b', memorySink());
  pipeline.source('numbers', arraySource([])).to('c', memorySink());
  const run = pipeline.prepare({ store: new MemoryCheckpointStore(), handleSignals: false });
  const { input, records } = await run.run();
  const counted = new Map([
    ['orders', { lines: 5, skipped: { header: 1, blank: 1, 'number of fields': 1 } }],
    ['events', { lines: 3, skipped: { 'not JSON': 1, blank: 1 } }],
  ]);
  expect(input).toEqual(counted);
  expect(records.get('orders')).toBe(2);
  const sources = run.coordinator.status().flow?.sources;
  expect(sources?.get('orders')?.input).toEqual(counted.get('orders'));
  expect(sources?.get('numbers')?.input).toBeUndefined();
});

test('a position of another iterable is refused, each time', async () => {
  const calm = { signal: new AbortController().signal };
  const of = (identity?: string) =>
    iterableSource({ open: () => [1, 2], ...(identity === undefined ? {} : { identity }) });
  const saved = of('snapshot 1').position() as Record<string, string>;
  for (const other of [of('snapshot 2'), of()]) {
    for (let start = 1; start <= 2; start += 1) {
      expect(() => other.restore(saved, calm)).toThrow(
        expect.objectContaining({ code: 'TIDEGATE_SOURCE_CHANGED' }),
      );
    }
  }
  await of('snapshot 1').restore(saved, calm);
  await of('snapshot 1').restore(of().position() as Record<string, string>, calm);
});
