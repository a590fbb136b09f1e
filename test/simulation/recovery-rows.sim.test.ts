import { describe, expect, test } from '@jest/globals';
import type { InDoubtPolicy } from '../../src/recovery/request.js';
import { recoveryTable, rowName } from '../../src/recovery/table.js';
import { prepareSetup, replay } from './campaign/campaign.js';
import { parseSchedule } from '../../src/testing/simulation/faults.js';
import type { Mix } from './campaign/mixes.js';
import { orderTotals, type OrdersShape } from './campaign/orders.js';
import { runSchedule, type RunResult } from '../../src/testing/simulation/run-schedule.js';
import {
  beyondLimits,
  foreignInDoubt,
  newerVersion,
  onHandmadeStore,
  replayedBefore,
  twoInDoubt,
} from './handmade-store.js';

type Case = readonly [
  row: string,
  what: string,
  mix: Mix,
  schedule: readonly string[],
  expected: {
    readonly ending: RunResult['ending'];
    readonly inDoubtPolicy?: InDoubtPolicy;
    readonly shape?: OrdersShape;
    /** Rules that are broken because somebody asked for it. Default none. */
    readonly broken?: readonly string[];
  },
];

const completed = { ending: 'completed' } as const;
const refused = { ending: 'refused' } as const;
/** Recovery asks for a human although nothing was lost: that is what this policy is for. */
const halted = {
  ending: 'refused',
  inDoubtPolicy: 'halt',
  broken: ['a crash needs no human'],
} as const;

/** Rows that a simulated recovery has decided by, and whose plan it has carried out. */
const reached = new Set<string>();

function noteRows({ rows }: RunResult): readonly string[] {
  const names = recoveryTable
    .filter(({ label }) => rows.some((row) => row.label === label))
    .map(rowName);
  for (const name of names) reached.add(name);
  return names;
}

describe('a crash leads to the row of the recovery table that it should, and its plan is right', () => {
  test.each<Case>([
    [
      '1',
      'a sink that is away for longer than the patience halts, and a later start goes on',
      ['durable'],
      ['kill-after sink a: commit#1', 'outage sink a: open#2 +1000000'],
      completed,
    ],
    [
      '2a',
      'a sink that remembers another store refuses, and nothing is written twice',
      ['durable'],
      ['store-lost sink a: commit#1'],
      refused,
    ],
    ['3', 'an empty store and sinks without markers start afresh', ['durable'], [], completed],
    [
      '4',
      'a store whose only checkpoint is damaged is no fresh start',
      ['durable'],
      ['bit-rot sink a: pre-commit#1'],
      refused,
    ],
    [
      '6c',
      'a damaged checkpoint that a sink has committed is not fallen back from',
      ['durable'],
      ['bit-rot sink a: pre-commit#2'],
      refused,
    ],
    [
      '7',
      'a crash before anything is in doubt resumes the complete checkpoint',
      ['durable', 'idempotent', 'at-least-once'],
      ['kill-before sink a: pre-commit#1'],
      completed,
    ],
    [
      '9',
      'a sink that committed although the manifest says pending is not written to again',
      ['durable'],
      ['kill-after sink a: commit#1'],
      completed,
    ],
    [
      '10',
      'in process, a checkpoint that all sinks have prepared is rolled forward',
      ['durable'],
      ['fail-before disk: sync /checkpoints#3'],
      completed,
    ],
    [
      '11a',
      'a checkpoint that no sink has committed is rolled back',
      ['durable', 'durable'],
      ['kill-before sink a: commit#1'],
      completed,
    ],
    [
      '11b',
      'a checkpoint that no sink has committed is rolled forward where that is asked for',
      ['durable', 'durable'],
      ['kill-before sink a: commit#1'],
      { ending: 'completed', inDoubtPolicy: 'roll-forward' },
    ],
    [
      '12b',
      'a last-resource sink that lost its output has everything rolled back',
      ['durable', 'last-resource'],
      ['kill-before sink b: commit#1'],
      completed,
    ],
    [
      '13',
      'a last-resource sink that committed has the others rolled forward',
      ['durable', 'last-resource'],
      ['kill-after sink b: commit#1'],
      completed,
    ],
    [
      '15',
      'a prepared epoch that expired after another sink committed needs a human',
      ['durable', 'durable'],
      ['expire sink a: commit#1'],
      refused,
    ],
    [
      '2b',
      'a sink that is in doubt and was removed refuses, and the old version settles it',
      ['durable', 'durable'],
      ['kill-after sink a: commit#1'],
      { ending: 'completed', shape: 'removed-sink' },
    ],
    [
      '6b',
      'a damaged checkpoint that no sink has a marker of is fallen back from',
      ['at-least-once'],
      ['bit-rot disk: rename checkpoints/latest.txt#2'],
      completed,
    ],
    [
      '11c',
      'a checkpoint that no sink has committed waits for a human where that is asked for',
      ['durable', 'durable'],
      ['kill-before sink a: commit#1'],
      halted,
    ],
    [
      '12a',
      'a checkpoint that no sink can commit any more waits for a human where that is asked for',
      ['last-resource'],
      ['kill-before sink a: commit#1'],
      halted,
    ],
  ])('row %s: %s', async (row, _what, mix, schedule, expected) => {
    const { ending, inDoubtPolicy = 'roll-back', shape = 'plain', broken = [] } = expected;
    const setup = { mix, shape, hasSidecar: true, settings: { inDoubtPolicy } };
    const prepared = await prepareSetup(setup, { seed: 1 });
    const result = await replay(prepared, parseSchedule(schedule));
    expect(result.violations.map(({ rule }) => rule)).toEqual(broken);
    expect(result.firedCount).toBe(schedule.length);
    expect(noteRows(result)).toContain(row);
    expect(result.ending).toBe(ending);
  });
});

describe('what never happens, on a store made by hand, changes nothing at any sink', () => {
  test.each([
    ['2c', 'a replay by an earlier version', replayedBefore],
    ['5', 'two checkpoints in doubt', twoInDoubt],
    ['6a', 'a checkpoint of a newer version', newerVersion],
    ['6d', 'a checkpoint with a number that would have to be rounded', beyondLimits],
    ['8', 'a checkpoint without handles, at a sink that needs one to answer', foreignInDoubt],
  ] as const)('row %s: %s', async (row, _what, handmade) => {
    const { build, input } = onHandmadeStore(handmade);
    const result = await runSchedule({
      build,
      input,
      schedule: [],
      seed: 1,
      recordIntervalMs: 100,
    });
    expect(noteRows(result)).toContain(row);
    expect(result.ending).toBe('refused');
    // Nothing was disturbed, so a refusal stands out; the sink has what it had before.
    expect(result.violations.map(({ rule }) => rule)).toContain('a crash needs no human');
    expect(result.visible.get('a')).toEqual(orderTotals);
  });
});

test('the plan of every row of the recovery table was carried out by the simulation', () => {
  expect([...reached].sort()).toEqual(recoveryTable.map(rowName).sort());
});
