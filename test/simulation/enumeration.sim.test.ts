import { describe, expect, test } from '@jest/globals';
import {
  coreSetups,
  describeSetup,
  describeViolation,
  prepareSetup,
  replay,
  runShare,
  setups,
  wideSetups,
} from './campaign/campaign.js';
import type { OrdersSetup } from './campaign/orders.js';

const boundMs = 100_000;

describe('no crash, failure, late effect or second owner breaks the promise of', () => {
  // Each mix with one policy here and the other there: the whole of it is `npm run simulate`.
  const fixedSet = coreSetups.filter((_, index) => index % 4 === 0 || index % 4 === 3);
  const titled = fixedSet.map((setup) => [describeSetup(setup), setup] as const);

  test.each(titled)(
    'a pipeline of %s',
    async (_title, setup) => {
      await expectKept(setup, { firsts: 6, secondsPerFirst: 2 });
    },
    boundMs,
  );
});

describe('no crash breaks the promise of a pipeline with more than one source, or a changed one:', () => {
  const titled = wideSetups.map((setup) => [describeSetup(setup), setup] as const);

  test.each(titled)(
    '%s',
    async (_title, setup) => {
      await expectKept(setup, { firsts: 3, secondsPerFirst: 1 });
    },
    boundMs,
  );
});

describe('the same seed gives the same trace, point by point, also after crashes:', () => {
  const shapes = new Map(setups.map((setup) => [setup.shape, setup]));
  const chosen = [coreSetups[3]!, ...shapes.values()];

  test.each(chosen.map((setup) => [describeSetup(setup), setup] as const))(
    '%s',
    async (_title, setup) => {
      const one = await prepareSetup(setup, { seed: 7 });
      const other = await prepareSetup(setup, { seed: 7 });
      expect(one.reference.points).toEqual(other.reference.points);
      const share = { secondsPerFirst: 1, stride: Math.ceil(one.firstCount / 4), offset: 1 };
      for await (const { schedule, result } of runShare(one, share)) {
        const again = await replay(other, schedule);
        expect(again.points).toEqual(result.points);
        expect(again.rows).toEqual(result.rows);
        expect(again.visible).toEqual(result.visible);
        expect(again.simulatedMs).toEqual(result.simulatedMs);
      }
    },
    boundMs,
  );
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

/** An even choice of the single faults, and second faults drawn by a fixed seed. */
async function expectKept(
  setup: OrdersSetup,
  { firsts, secondsPerFirst }: { firsts: number; secondsPerFirst: number },
): Promise<void> {
  const prepared = await prepareSetup(setup, { seed: 20_260_101 });
  const stride = Math.ceil(prepared.firstCount / firsts);
  const share = { secondsPerFirst, stride, offset: setup.mix.length };
  const found: string[] = [];
  let count = 0;
  for await (const explored of runShare(prepared, share)) {
    count += 1;
    if (explored.result.violations.length > 0) {
      found.push(await describeViolation(prepared, explored));
    }
  }
  expect(found).toEqual([]);
  expect(count).toBeGreaterThan(secondsPerFirst * (firsts - 1));
}
