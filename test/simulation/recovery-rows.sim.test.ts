import { describe, expect, test } from '@jest/globals';
import type { InDoubtPolicy } from '../../src/recovery/request.js';
import { prepareSetup, replay } from '../../src/testing/simulation/campaign.js';
import { parseSchedule } from '../../src/testing/simulation/faults.js';
import type { Mix } from '../../src/testing/simulation/mixes.js';
import type { RunResult } from '../../src/testing/simulation/run-schedule.js';

type Case = readonly [
  row: number,
  what: string,
  mix: Mix,
  schedule: readonly string[],
  expected: {
    readonly ending: RunResult['ending'];
    readonly inDoubtPolicy?: InDoubtPolicy;
  },
];

const completed = { ending: 'completed' } as const;
const refused = { ending: 'refused' } as const;

describe('a crash leads to the row of the recovery table that it should, and its plan is right', () => {
  test.each<Case>([
    [
      1,
      'a sink that is away for longer than the patience halts, and a later start goes on',
      ['durable'],
      ['kill-after sink a: commit#1', 'outage sink a: open#2 +1000000'],
      completed,
    ],
    [
      2,
      'a sink that remembers another store refuses, and nothing is written twice',
      ['durable'],
      ['store-lost sink a: commit#1'],
      refused,
    ],
    [3, 'an empty store and sinks without markers start afresh', ['durable'], [], completed],
    [
      4,
      'a store whose only checkpoint is damaged is no fresh start',
      ['durable'],
      ['bit-rot sink a: pre-commit#1'],
      refused,
    ],
    [
      6,
      'a damaged checkpoint that a sink has committed is not fallen back from',
      ['durable'],
      ['bit-rot sink a: pre-commit#2'],
      refused,
    ],
    [
      7,
      'a crash before anything is in doubt resumes the complete checkpoint',
      ['durable', 'idempotent', 'at-least-once'],
      ['kill-before sink a: pre-commit#1'],
      completed,
    ],
    [
      9,
      'a sink that committed although the manifest says pending is not written to again',
      ['durable'],
      ['kill-after sink a: commit#1'],
      completed,
    ],
    [
      10,
      'in process, a checkpoint that all sinks have prepared is rolled forward',
      ['durable'],
      ['fail-before disk: sync /checkpoints#3'],
      completed,
    ],
    [
      11,
      'a checkpoint that no sink has committed is rolled back',
      ['durable', 'durable'],
      ['kill-before sink a: commit#1'],
      completed,
    ],
    [
      11,
      'a checkpoint that no sink has committed is rolled forward where that is asked for',
      ['durable', 'durable'],
      ['kill-before sink a: commit#1'],
      { ending: 'completed', inDoubtPolicy: 'roll-forward' },
    ],
    [
      12,
      'a last-resource sink that lost its output has everything rolled back',
      ['durable', 'last-resource'],
      ['kill-before sink b: commit#1'],
      completed,
    ],
    [
      13,
      'a last-resource sink that committed has the others rolled forward',
      ['durable', 'last-resource'],
      ['kill-after sink b: commit#1'],
      completed,
    ],
    [
      14,
      'a fenced sink that lost its output gets it by a pinned replay',
      ['fenced', 'fenced'],
      ['kill-after sink a: commit#1'],
      completed,
    ],
    [
      14,
      'a crash in the middle of a pinned replay does not replay into the sink that has the range',
      ['fenced', 'fenced'],
      ['kill-after sink a: commit#1', 'kill-after sink b: pre-commit#2'],
      completed,
    ],
    [
      15,
      'a prepared epoch that expired after another sink committed needs a human',
      ['durable', 'durable'],
      ['expire sink a: commit#1'],
      refused,
    ],
  ])('row %d: %s', async (row, _what, mix, schedule, { ending, inDoubtPolicy = 'roll-back' }) => {
    const setup = { mix, hasSidecar: true, settings: { inDoubtPolicy } };
    const prepared = await prepareSetup(setup, { seed: 1 });
    const result = await replay(prepared, parseSchedule(schedule));
    expect(result.violations).toEqual([]);
    expect(result.firedCount).toBe(schedule.length);
    expect(result.rows.map(({ number }) => number)).toContain(row);
    expect(result.ending).toBe(ending);
  });
});
