// A sink's writer by itself.

import { expect, test } from '@jest/globals';
import { BufferedSinkWriter } from '../../src/coordinator/dataflow/sink-writer.js';
import { generation } from '../../src/ids.js';

test('as many batches as there is room for are held back and let go in order', () => {
  const written: unknown[] = [];
  const writer = new BufferedSinkWriter({
    sink: 'out',
    generation: generation(1),
    maxQueuedRecords: 1_000_000,
    maxQueuedBytes: 1_000_000_000,
    write: (records) => void written.push(...records),
    failed: (error) => {
      throw error;
    },
  });
  const numbers = Array.from({ length: 200_000 }, (_, index) => index);
  writer.hold();
  for (const number of numbers) void writer.write([number]);
  expect(written).toEqual([]);
  writer.release();
  expect(written).toEqual(numbers);
});
