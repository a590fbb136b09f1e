import { describe, expect, test } from '@jest/globals';
import { SimulatedClock, formatSchedule, parseSchedule } from 'tidegate/testing';
import type { Fault, Schedule } from 'tidegate/testing';
import fc from 'fast-check';
import { Director, type Surroundings } from '../../src/testing/simulation/director.js';
import { faultsAt } from '../../src/testing/simulation/fault-variants.js';
import { allMixes } from '../simulation/campaign/mixes.js';
import { asTest, shrink } from '../../src/testing/simulation/shrink.js';

const quiet: Surroundings = {
  lifeEnded: () => {},
  copyStore: () => {},
  preparedLost: () => {},
  nowMs: () => 0,
};
const commit = { actor: 'sink a', name: 'commit', effect: 'durable' } as const;
const at = { action: 'sink a: commit', occurrence: 1 };

describe('a fault at a point', () => {
  test('kill-before: no effect and no answer', async () => {
    const { effects, outcome } = await strike({ kind: 'kill-before', at });
    expect([effects, outcome]).toEqual([0, 'silent']);
  });

  test('kill-after: the effect and no answer', async () => {
    const { effects, outcome } = await strike({ kind: 'kill-after', at });
    expect([effects, outcome]).toEqual([1, 'silent']);
  });

  test('fail-before and fail-after: an error, without and with the effect', async () => {
    expect(await strike({ kind: 'fail-before', at })).toEqual({ effects: 0, outcome: 'failed' });
    expect(await strike({ kind: 'fail-after', at })).toEqual({ effects: 1, outcome: 'failed' });
  });

  test('late: no answer, and the effect a number of points later', async () => {
    const director = new Director([{ kind: 'late', at, number: 2 }], quiet);
    const life = director.startLife();
    let effects = 0;
    void director.act(life, commit, () => (effects += 1));
    await director.act(life, commit, () => 0);
    expect(effects).toBe(0);
    await director.act(life, commit, () => 0);
    expect(effects).toBe(1);
  });

  test('zombie: the process stands still, and goes on when others have passed points', async () => {
    const director = new Director([{ kind: 'zombie', at, number: 1 }], quiet);
    const older = director.startLife();
    let effects = 0;
    const held = director.act(older, commit, () => (effects += 1));
    await Promise.resolve();
    expect([older.state, effects]).toEqual(['paused', 0]);
    const newer = director.startLife();
    await director.act(newer, commit, () => 0);
    expect(await held).toBe(1);
  });

  test('outage: every call of that actor fails until the time has passed', async () => {
    let nowMs = 0;
    const surroundings = { ...quiet, nowMs: () => nowMs };
    const director = new Director([{ kind: 'outage', at, number: 100 }], surroundings);
    const life = director.startLife();
    const call = (): Promise<number> => director.act(life, commit, () => 1);
    await expect(call()).rejects.toThrow('at the start of an outage');
    nowMs = 99;
    await expect(call()).rejects.toThrow('during an outage');
    nowMs = 100;
    expect(await call()).toBe(1);
  });

  test('a dead process has no effect on anything any more', async () => {
    const director = new Director([{ kind: 'kill-before', at }], quiet);
    const life = director.startLife();
    void director.act(life, commit, () => 0);
    await Promise.resolve();
    let effects = 0;
    void director.act(life, commit, () => (effects += 1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(effects).toBe(0);
  });

  async function strike(fault: Fault): Promise<{ effects: number; outcome: string }> {
    const director = new Director([fault], quiet);
    const life = director.startLife();
    let effects = 0;
    let outcome = 'silent';
    director
      .act(life, commit, () => (effects += 1))
      .then(
        () => (outcome = 'answered'),
        () => (outcome = 'failed'),
      );
    await new Promise((resolve) => setImmediate(resolve));
    return { effects, outcome };
  }
});

test('a schedule that is written down is read back as it was', () => {
  const points = [
    { index: 1, life: 1, action: 'disk: rename checkpoint_N/manifest.json', occurrence: 2 },
    { index: 2, life: 1, action: 'sink a: commit', occurrence: 12 },
  ].map((point) => ({ ...point, effect: 'durable' as const }));
  const faults = points.flatMap((point) => faultsAt(point));
  fc.assert(
    fc.property(fc.subarray([...faults]), (schedule) => {
      expect(parseSchedule(formatSchedule(schedule))).toEqual(schedule);
    }),
  );
  expect(() => parseSchedule(['explode sink a: commit#1'])).toThrow('is no fault of a schedule');
});

test('simulated time jumps to the next timer, in the order in which they were set', () => {
  const timeline = new SimulatedClock();
  const seen: string[] = [];
  timeline.setTimer(() => seen.push('late'), 20);
  timeline.setTimer(() => seen.push('first'), 10);
  timeline.setTimer(() => seen.push('second'), 10);
  const cancelled = timeline.setTimer(() => seen.push('never'), 5);
  cancelled.cancel();
  while (timeline.runNextTimer());
  expect(seen).toEqual(['first', 'second', 'late']);
  expect(timeline.monotonicMs()).toBe(20);
});

test('every mix of one to three sinks is there once, with one last-resource sink at most', () => {
  const names = allMixes().map((mix) => [...mix].sort().join());
  expect(new Set(names).size).toBe(names.length);
  // 4 + 10 + 20 combinations, less the ones with two or three last-resource sinks: 0 + 1 + 4.
  expect(names).toHaveLength(29);
});

describe('a violation', () => {
  const noise: Fault = { kind: 'fail-before', at: { action: 'disk: sync x', occurrence: 3 } };
  const culprit: Fault = { kind: 'late', at, number: 40 };
  const broken = [{ rule: 'nothing is lost', seen: 'sink "a" lacks 3' }];
  const judge = (schedule: Schedule): Promise<typeof broken> =>
    Promise.resolve(
      schedule.some(({ kind, number = 0 }) => kind === 'late' && number >= 3) ? broken : [],
    );

  test('is shown by the shortest schedule that still shows it', async () => {
    const { schedule } = await shrink([noise, culprit], broken, judge);
    expect(schedule).toEqual([{ ...culprit, number: 3 }]);
  });

  test('is printed as a test that can be pasted', async () => {
    const shortest = await shrink([noise, culprit], broken, judge);
    const text = asTest(shortest, { build: 'buildOrders', options: 'input' });
    expect(text).toBe(
      [
        'test("nothing is lost", async () => {',
        '  // nothing is lost: sink "a" lacks 3',
        '  const result = await replaySchedule(buildOrders, { input, schedule: [',
        '    "late sink a: commit#1 +3",',
        '  ] });',
        '  expect(result.violations).toEqual([]);',
        '});',
      ].join('\n'),
    );
  });
});
