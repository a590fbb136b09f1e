import { describe, expect, test } from '@jest/globals';
import {
  describeSetup,
  describeViolation,
  prepareSetup,
  replay,
  runShare,
  setups,
} from '../../src/testing/simulation/campaign.js';

/** Each mix with one policy here and the other there: the whole of it is `npm run simulate`. */
const fixedSet = setups.filter((_, index) => index % 4 === 0 || index % 4 === 3);
const firstsPerSetup = 8;
const boundMs = 100_000;

describe('no crash, failure, late effect or second owner breaks the promise of a pipeline of', () => {
  test.each(fixedSet.map((setup) => [describeSetup(setup), setup] as const))(
    '%s',
    async (_title, setup) => {
      const prepared = await prepareSetup(setup, { seed: 20_260_101 });
      const stride = Math.ceil(prepared.firstCount / firstsPerSetup);
      const share = { secondsPerFirst: 2, stride, offset: setup.mix.length };
      const found: string[] = [];
      let count = 0;
      for await (const explored of runShare(prepared, share)) {
        count += 1;
        if (explored.result.violations.length > 0) {
          found.push(await describeViolation(prepared, explored));
        }
      }
      expect(found).toEqual([]);
      expect(count).toBeGreaterThan(2 * (firstsPerSetup - 1));
    },
    boundMs,
  );
});

test('the same seed gives the same trace, point by point, also after crashes', async () => {
  for (const setup of [fixedSet[3]!, fixedSet.at(-1)!]) {
    const one = await prepareSetup(setup, { seed: 7 });
    const other = await prepareSetup(setup, { seed: 7 });
    expect(one.reference.points).toEqual(other.reference.points);
    const share = { secondsPerFirst: 1, stride: Math.ceil(one.firstCount / 8), offset: 0 };
    for await (const { schedule, result } of runShare(one, share)) {
      const again = await replay(other, schedule);
      expect(again.points).toEqual(result.points);
      expect(again.rows).toEqual(result.rows);
      expect(again.visible).toEqual(result.visible);
    }
  }
});

test('no schedule is walked twice', async () => {
  const prepared = await prepareSetup(setups[0]!, { seed: 1 });
  const stride = Math.ceil(prepared.firstCount / 12);
  const seen = new Set<string>();
  for (const offset of [0, 1]) {
    const share = { secondsPerFirst: 3, stride, offset };
    for await (const { schedule } of runShare(prepared, share)) {
      const text = JSON.stringify(schedule);
      expect(seen.has(text)).toBe(false);
      seen.add(text);
    }
  }
  expect(seen.size).toBeGreaterThan(80);
});
