import { describe, expect, test } from '@jest/globals';
import { crashEverywhere, replaySchedule } from 'tidegate/testing';
import { builds, input, type Shape } from './crash-pipelines.js';

describe('a pipeline survives a crash at every point', () => {
  test.each<[Shape, 1 | 2]>([
    ['fan-in', 1],
    ['windows', 1],
    ['sliding', 2],
    ['idle', 1],
    ['join', 1],
    ['aligned', 2],
    ['table', 1],
    ['timers', 2],
    ['two-sinks', 2],
    ['custom', 2],
    ['custom-two-sinks', 2],
  ])(
    '%s, with %i fault(s) in a run',
    async (shape, crashes) => {
      const options = { input, crashes, maxSchedules: 24, seed: 3 };
      const report = await crashEverywhere(builds[shape], options);
      expect(report.violations).toEqual([]);
      expect(report.schedules).toBeGreaterThan(15);
    },
    60_000,
  );
});

/** Worked out by hand: all runs are compared with one without faults, which must not be empty. */
test.each<[Shape, readonly string[]]>([
  ['fan-in', ['ann 1', 'ann 2', 'ann 3', 'bob 1', 'bob 2', 'cid 1', 'cid 2', 'cid 3', 'dan 1']],
  ['windows', ['ann 0', 'ann 100', 'bob 0', 'bob 200', 'cid 0', 'cid 100', 'cid 200', 'dan 100']],
  [
    'sliding',
    [
      'ann -30',
      'ann -70',
      'ann 10',
      'ann 130',
      'ann 50',
      'ann 90',
      'bob -30',
      'bob -70',
      'bob 10',
      'bob 170',
      'bob 210',
      'bob 250',
      'cid -30',
      'cid -70',
      'cid 10',
      'cid 130',
      'cid 170',
      'cid 210',
      'cid 50',
      'cid 90',
      'dan 50',
      'dan 90',
    ],
  ],
  ['idle', ['ann 0', 'ann 100', 'bob 0', 'bob 200', 'cid 0', 'cid 100', 'cid 200', 'dan 100']],
  ['aligned', ['ann 0', 'ann 100', 'bob 0', 'bob 200', 'cid 0', 'cid 100', 'cid 200', 'dan 100']],
  ['join', ['1 11', '2 11', '2 12', '3 12', '3 13', '4 12', '4 13', '5 14'].map((p) => `${p} 1`)],
  ['table', ['Anna 1', 'Anna 2', 'Anna 3', 'Bob 1', 'Bob 2']],
  ['timers', ['ann 3', 'bob 1', 'bob 2']],
  ['custom', ['all 9', 'from 0 3', 'from 100 4', 'from 200 2']],
])('%s gives what it should when nothing goes wrong', async (shape, expected) => {
  const { visible } = await replaySchedule(builds[shape], { input, schedule: [] });
  const records = visible.get('a') as readonly { key: string; number: number }[];
  expect(records.map(({ key, number }) => `${key} ${number}`).sort()).toEqual(expected);
});

test('a range that the last-resource sink has lost is read again, with time as it was', async () => {
  const schedule = ['kill-before sink b: commit#2'];
  const result = await replaySchedule(builds['two-sinks'], { input, schedule });
  expect(result.violations).toEqual([]);
  expect(result.rows.map(({ number }) => number)).toContain(12);
  expect(result.visible.get('b')).toEqual([
    { key: 'ann', number: 1 },
    { key: 'bob', number: 1 },
    { key: 'ann', number: 2 },
    { key: 'ann', number: 3 },
    { key: 'bob', number: 2 },
  ]);
  expect(result.visible.get('a')).toEqual([
    // Ann's second order comes before the watermark has reached 60, and puts her timer off.
    { key: 'bob', number: 1, at: 70 },
    { key: 'ann', number: 3, at: 180 },
    { key: 'bob', number: 2, at: 300 },
  ]);
});
