// What a source without types hands out is held against its contract: a batch is an array and a position.

import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, memorySink } from 'tidegate';
import type { ReadableSource, SourceBatch } from 'tidegate/extend';

describe('a source that hands out', () => {
  test.each<[string, unknown, string]>([
    [
      'a Set of records',
      { records: new Set([1]), offsets: { line: '1' } },
      'has records that are of type object, not an array',
    ],
    [
      'a text in place of records',
      { records: 'abc', offsets: { line: '1' } },
      'of type string, not an array',
    ],
    ['no records', { offsets: { line: '1' } }, 'has records that are undefined'],
    [
      'offsets in a Map',
      { records: [1], offsets: new Map([['line', '1']]) },
      'behind a batch is a Map, not a plain object of texts',
    ],
    [
      'offsets that are numbers',
      { records: [1], offsets: { line: 1 } },
      'has an offset, line, that is of type number',
    ],
    ['no offsets', { records: [1] }, 'behind a batch is undefined'],
  ])('%s halts the run with the reason, and commits nothing', async (_what, batch, why) => {
    const sink = memorySink();
    const source: ReadableSource = {
      position: () => ({ line: '0' }),
      restore: () => undefined,

      async *read() {
        yield batch as SourceBatch<unknown>;
      },
    };
    const pipeline = new Pipeline('numbers');
    pipeline.source('lines', source).to('out', sink);
    await expect(
      pipeline.run({ store: new MemoryCheckpointStore(), checkpoint: { tolerableFailures: 0 } }),
    ).rejects.toThrow(why);
    expect(sink.records).toEqual([]);
  });
});
