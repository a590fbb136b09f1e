// A set of ids in ranges says what a plain set says.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { IdRanges } from '../../src/connectors/memory/id-ranges.js';

test('it has what was added and nothing else, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 })), (added) => {
      const ranges = new IdRanges();
      for (const id of added) ranges.add(id);
      const plain = new Set(added);
      for (let id = 0; id <= 31; id += 1) expect(ranges.has(id)).toBe(plain.has(id));
      expect(ranges.highest).toBe(added.length === 0 ? undefined : Math.max(...added));
      const starts = [...plain].filter((id) => !plain.has(id - 1));
      expect(ranges.rangeCount).toBe(starts.length);
    }),
  );
});

test('ids that follow one another take one range, however many', () => {
  const ranges = new IdRanges();
  for (let id = 2 ** 24 + 1; id <= 2 ** 24 + 20_000; id += 1) ranges.add(id);
  expect(ranges.rangeCount).toBe(1);
});
