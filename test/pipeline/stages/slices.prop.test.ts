import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Slices } from '../../../src/pipeline/stages/slices.js';

/** By slice: what `add` changes in place lies deep in the value. */
interface Parts {
  readonly parts: { readonly ids: number[] }[];
}

/** Changes the earlier value and takes parts of the later one as they are, as users' functions do. */
const merge = (earlier: unknown, later: unknown): unknown => {
  (earlier as Parts).parts.push(...(later as Parts).parts);
  return earlier;
};

const action = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), slice: fc.integer({ min: -20, max: 40 }) }),
  fc.record({
    kind: fc.constant('merged' as const),
    start: fc.integer({ min: -20, max: 40 }),
    length: fc.integer({ min: 0, max: 40 }),
  }),
  fc.record({ kind: fc.constant('drop' as const), slice: fc.integer({ min: -20, max: 0 }) }),
);

describe('slices', () => {
  test('merge to what they hold, whatever was added, merged and dropped before', () => {
    const property = fc.property(fc.array(action, { maxLength: 80, size: 'max' }), (actions) => {
      const slices = new Slices(merge);
      let plain: { readonly slice: number; readonly id: number }[] = [];
      let dropped = -20;
      const given: { readonly value: unknown; readonly text: string }[] = [];
      for (const [id, step] of actions.entries()) {
        if (step.kind === 'drop') {
          dropped = Math.max(dropped, step.slice);
          slices.dropBefore(dropped);
          plain = plain.filter(({ slice }) => slice >= dropped);
        } else if (step.kind === 'add') {
          if (step.slice < dropped) continue;
          plain.push({ slice: step.slice, id });
          addTo(slices, step.slice, id);
        } else {
          const start = Math.max(dropped, step.start);
          const value = slices.merged(start, start + step.length);
          const expected = plain
            .filter(({ slice }) => slice >= start && slice < start + step.length)
            .sort((a, b) => a.slice - b.slice)
            .map(({ id: one }) => one);
          expect(((value as Parts | undefined)?.parts ?? []).flatMap(({ ids }) => ids)).toEqual(
            expected,
          );
          given.push({ value, text: JSON.stringify(value) });
        }
      }
      // What was handed out does not change with the slices.
      for (const { value, text } of given) expect(JSON.stringify(value)).toBe(text);
      const numbers = [...new Set(plain.map(({ slice }) => slice))].sort((a, b) => a - b);
      expect(slices.all().map(({ number }) => number)).toEqual(numbers);
      expect(slices.first?.number).toBe(numbers[0]);
    });
    fc.assert(property, { seed: 60_817_211, numRuns: 500 });
  });
});

function addTo(slices: Slices, slice: number, id: number): void {
  const open = slices.open(slice);
  if (open === undefined) slices.add(slice, { parts: [{ ids: [id] }] });
  else (open.value as Parts).parts[0]!.ids.push(id);
}
