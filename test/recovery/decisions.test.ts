// The report of each decision, and the plan of a restore, from facts alone.

import { buildReport } from '../../src/recovery/report.js';
import { describe, expect, test } from '@jest/globals';
import { TidegateError, renderReport } from 'tidegate';
import type { RecoveryReport } from 'tidegate';
import { checkpointId, generation } from '../../src/ids.js';
import type { RecoveryFacts } from '../../src/recovery/facts.js';
import { planRecovery } from '../../src/recovery/plan.js';
import { factsOf, sink, stored, unreadable } from './facts-kit.js';

function reportOn(facts: RecoveryFacts, owner?: number): RecoveryReport {
  const plan = planRecovery(facts);
  return buildReport({
    facts,
    plan,
    generation: owner === undefined ? undefined : generation(owner),
    resumed: 'resume' in plan ? plan.resume.manifest : undefined,
    rereadings: 0,
    durationMs: 12.4,
  });
}

const both = { archive: 'committed', warehouse: 'committed' } as const;
const bothPending = { archive: 'pending', warehouse: 'pending' } as const;
const base = stored(
  'complete',
  { id: 10, sinks: both },
  { archive: 'committed', warehouse: 'committed' },
);
const newest = (archive: 'committed' | 'prepared' | 'absent', warehouse: typeof archive) =>
  stored('in-doubt', { id: 20, epoch: 2, sinks: bothPending }, { archive, warehouse });
const past = (archive: number, warehouse: number) => ({
  archive: sink(archive),
  warehouse: sink(warehouse),
});

describe('a report', () => {
  test('of a fresh start', () => {
    const report = reportOn(factsOf([], { archive: sink() }), 1);

    expect(report).toEqual({
      generation: 1,
      row: { number: 3, variant: '', label: 'no manifest, and no sink has a marker' },
      decision:
        'start fresh with a start checkpoint (row 3: no manifest, and no sink has a marker)',
      isDryRun: false,
      examined: 0,
      skipped: [],
      sinks: [{ sink: 'archive', found: 'none committed', became: 'without anything prepared' }],
      lostInput: [],
      warnings: [],
      rereadings: 0,
      durationMs: 12.4,
    });
  });

  test('of a resumed checkpoint, with warnings and what lies above it', () => {
    const rolledBack = stored('rolled-back', {
      id: 30,
      sinks: both,
      ours: { rolledBack: { reason: 'no sink had committed it', generation: 2 } },
    });
    const discarded = stored('rolled-back', { id: 20 });
    const facts = factsOf([rolledBack, discarded, base], {
      ...past(10, 10),
      added: sink(undefined, { twoPhase: false }),
    });

    expect(reportOn(facts)).toEqual({
      row: { number: 7, variant: '', label: 'N complete' },
      decision: 'resume checkpoint 10 (row 7: N complete)',
      isDryRun: true,
      examined: 3,
      skipped: [
        { id: 30, why: 'rolled-back: no sink had committed it' },
        { id: 20, why: 'rolled-back' },
      ],
      sinks: [
        { sink: 'archive', found: 'newest committed 10', became: 'without anything prepared' },
        { sink: 'warehouse', found: 'newest committed 10', became: 'without anything prepared' },
        { sink: 'added', found: 'not asked: it has no second phase', became: 'unchanged' },
      ],
      resumed: { id: 10, epoch: 1 },
      lostInput: [],
      warnings: ['sink added was added'],
      rereadings: 0,
      durationMs: 12.4,
    });
  });

  test('of a roll forward says who commits and who had', () => {
    const facts = factsOf([newest('committed', 'prepared'), base], past(20, 10));
    const { decision, sinks } = reportOn(facts);

    expect(decision).toBe(
      'commit checkpoint 20 at warehouse, then resume it (row 13: some committed, the rest prepared)',
    );
    expect(sinks).toEqual([
      {
        sink: 'archive',
        found: 'committed, newest committed 20',
        became: 'without anything prepared',
      },
      {
        sink: 'warehouse',
        found: 'prepared, newest committed 10',
        became: 'committed checkpoint 20',
      },
    ]);
  });

  test('of a roll back says what is lost by whom', () => {
    const { decision, sinks, skipped } = reportOn(
      factsOf([newest('prepared', 'absent'), base], past(10, 10)),
    );

    expect(decision).toBe(
      'roll back checkpoint 20 and resume 10 (row 12b: none committed, some absent)',
    );
    expect(sinks.map(({ became }) => became)).toEqual([
      'without checkpoint 20',
      'without checkpoint 20',
    ]);
    expect(skipped).toEqual([{ id: 20, why: 'in-doubt' }]);
  });

  test('of a refusal leaves all sinks as they are and skips everything', () => {
    const problem = new Error('EIO');
    const silent = sink(undefined, { answer: { kind: 'unanswered', problem } });
    const notAsked = sink(undefined, { answer: { kind: 'not-asked' } });
    const refused = new TidegateError('TIDEGATE_SINK_STORE', 'not mine');
    const refusing = sink(undefined, {
      answer: { kind: 'refused', problem: refused, code: refused.code },
    });
    const facts = factsOf([unreadable(20, 'corrupt', problem), unreadable(10, 'corrupt')], {
      silent,
      notAsked,
      refusing,
    });

    const report = reportOn(facts, 4);

    expect(report.decision).toMatch(/^halt: sink refusing: not mine \(row 1: /);
    expect(report.skipped).toEqual([
      { id: 20, why: 'corrupt: EIO' },
      { id: 10, why: 'corrupt' },
    ]);
    expect(report.sinks).toEqual([
      { sink: 'silent', found: 'unanswered: EIO', became: 'unchanged' },
      { sink: 'notAsked', found: 'not asked', became: 'unchanged' },
      { sink: 'refusing', found: 'refused: not mine', became: 'unchanged' },
    ]);
    expect(report).not.toHaveProperty('resumed');
  });

  test('without facts has the cause alone', () => {
    const plan = planRecovery(factsOf([], { archive: sink(5) }));
    const report = buildReport({
      facts: undefined,
      plan,
      generation: generation(1),
      resumed: undefined,
      rereadings: 2,
      durationMs: 0,
    });

    expect(report).toMatchObject({ examined: 0, skipped: [], sinks: [], warnings: [] });
    expect(report.decision).toMatch(/^refuse: the store holds no checkpoint/);
  });
});

describe('as text, a report', () => {
  test('has a line for each thing, and says how often it was repeated', () => {
    const facts = factsOf([base], { ...past(10, 10), added: sink() });
    const text = renderReport({ ...reportOn(facts, 4), rereadings: 1 });

    expect(text.split('\n')).toEqual([
      'Recovery of generation 4, 12 ms',
      '  decided   resume checkpoint 10 (row 7: N complete)',
      '  examined  1 checkpoint',
      '  sink      archive: newest committed 10; without anything prepared',
      '  sink      warehouse: newest committed 10; without anything prepared',
      '  sink      added: none committed; without anything prepared',
      '  warning   sink added was added',
      '  repeated  1 time, under a new fence each',
      '  resumed   checkpoint 10 of epoch 1',
    ]);
    expect(renderReport({ ...reportOn(facts, 4), rereadings: 2 })).toContain('repeated  2 times,');
  });

  test('of a dry run says that nothing was done, and what would be resumed', () => {
    const lines = renderReport(reportOn(factsOf([base], past(10, 10)))).split('\n');

    expect(lines[0]).toBe(
      'Recovery, dry run: nothing was fenced or changed, and all may change before a real one.',
    );
    expect(lines.at(-1)).toBe('  resumes   checkpoint 10 of epoch 1');
    expect(lines.join()).not.toContain('repeated');
    const refused = renderReport(reportOn(factsOf([], { archive: sink(5) })));
    expect(refused).toContain('  examined  0 checkpoints\n');
    expect(refused).toMatch(/ {2}resumes {3}nothing$/);
  });
});

describe('the plan of a restore', () => {
  const idsOf = (accepted: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(accepted).map(([sink, id]) => [sink, checkpointId(id)]));
  const restore = (
    id: number,
    checkpoints: RecoveryFacts['checkpoints'],
    accepted: Readonly<Record<string, number>> = {},
    sinks = past(10, 10),
  ) =>
    planRecovery(
      factsOf(checkpoints, sinks, {
        restoreFrom: { checkpointId: checkpointId(id), acceptDuplicatesIn: idsOf(accepted) },
      }),
    );
  const message = (plan: ReturnType<typeof restore>) =>
    plan.kind === 'refuse'
      ? `${plan.row.number} ${plan.cause.code} ${plan.cause.message}`
      : plan.kind;

  test('has an epoch above every epoch and sink epoch that was used', () => {
    const above = stored('rolled-back', {
      id: 20,
      epoch: 4,
      change: { sinkEpochs: new Map([['archive', 9]]) },
    });

    expect(restore(10, [unreadable(30, 'corrupt'), above, base])).toMatchObject({
      kind: 'restore',
      row: { number: 0, variant: '', label: 'a person chose the checkpoint to restore', when: {} },
      resume: { id: 10 },
      restoredEpoch: 10,
      nextEpoch: 11,
      discards: { rollBack: [], saveAgain: [], quarantine: [] },
    });
  });

  test('rolls back everything in doubt', () => {
    const first = stored('in-doubt', { id: 20, sinks: { archive: 'pending' } });
    const second = stored('in-doubt', { id: 30, sinks: { archive: 'pending' } });

    expect(restore(10, [second, first, base])).toMatchObject({
      discards: { rollBack: [{ id: 30 }, { id: 20 }] },
    });
  });

  test('is reported as what a person chose', () => {
    const facts = factsOf([base], past(10, 10), {
      restoreFrom: { checkpointId: checkpointId(10), acceptDuplicatesIn: {} },
    });

    expect(reportOn(facts).decision).toBe(
      'restore checkpoint 10 as a new one of epoch 2 (a person chose the checkpoint to restore)',
    );
  });

  test('refuses what is not there, not complete, not intact or not readable, and says why', () => {
    const damaged = {
      ...base,
      problem: new Error('its sidecar is cut'),
      state: 'corrupt',
    } as const;
    const refused = '0 TIDEGATE_RESTORE_REFUSED';

    expect(message(restore(11, [base]))).toBe(`${refused} there is no checkpoint 11`);
    expect(message(restore(10, [damaged]))).toBe(
      `${refused} checkpoint 10 is corrupt: its sidecar is cut`,
    );
    expect(message(restore(10, [{ ...base, isIntact: false }]))).toBe(
      `${refused} checkpoint 10 is complete`,
    );
    expect(message(restore(10, [unreadable(10, 'complete')]))).toBe(
      `${refused} checkpoint 10 is complete`,
    );
    expect(message(restore(10, [{ ...base, state: 'rolled-back' }]))).toBe(
      `${refused} checkpoint 10 is rolled-back`,
    );
  });

  test('refuses where sinks are past it, naming each that was not accepted and where it is', () => {
    const sinks = past(20, 30);
    const plan = restore(10, [base], {}, sinks);

    expect(message(plan)).toBe(
      '0 TIDEGATE_RESTORE_REFUSED sinks have committed past checkpoint 10 and would get that ' +
        'output a second time: archive (at 20), warehouse (at 30)',
    );
    expect(plan).toMatchObject({ cause: { details: { sinks: ['archive', 'warehouse'] } } });
    expect(message(restore(10, [base], { archive: 20 }, sinks))).toMatch(
      /time: warehouse \(at 30\)$/,
    );
    const early = { archive: 20, warehouse: 29 };
    expect(message(restore(10, [base], early, sinks))).toMatch(/time: warehouse \(at 30\)$/);
    expect(message(restore(10, [base], { archive: 20, warehouse: 30 }, sinks))).toBe('restore');
    expect(message(restore(10, [base], {}, past(10, 10)))).toBe('restore');
  });

  test('refuses a sink that was set back and a manifest that does not fit, as any resume', () => {
    const rewound = { ...base, inspections: new Map([['archive', 'absent'] as const]) };
    const misfit = stored('complete', { id: 10, change: { vnodeCount: 128 } });

    expect(message(restore(10, [rewound]))).toMatch(/^0 TIDEGATE_RECOVERY_SINK_REWOUND /);
    expect(message(restore(10, [misfit]))).toMatch(/^0 TIDEGATE_RECOVERY_MANIFEST /);
  });

  test('is barred by a silent or refusing participant, and by nothing else', () => {
    const problem = new Error('EIO');
    const choice = { restoreFrom: { checkpointId: checkpointId(10), acceptDuplicatesIn: {} } };
    const silent = sink(undefined, { answer: { kind: 'unanswered', problem } });
    const refusing = sink(undefined, { answer: { kind: 'refused', problem, code: undefined } });
    const planWith = (change: Parameters<typeof factsOf>[1]) =>
      planRecovery(factsOf([base], { ...past(10, 10), ...change }, choice)).kind;

    expect(planWith({ archive: silent })).toBe('halt');
    expect(planWith({ archive: refusing })).toBe('refuse');
    const stranger = stored('in-doubt', { id: 20, sinks: { gone: 'pending' } });
    expect(planRecovery(factsOf([stranger, base], past(10, 10), choice)).kind).toBe('restore');
  });
});

describe('the plan', () => {
  test('sorts what lies above the resumed one: rolled back, saved again, set aside', () => {
    const plan = planRecovery(
      factsOf(
        [
          unreadable(60, 'rolled-back'),
          stored('rolled-back', { id: 50 }),
          unreadable(40, 'rolled-back'),
          newest('prepared', 'prepared'),
          unreadable(15, 'corrupt'),
          base,
          stored('rolled-back', { id: 5 }),
          unreadable(4, 'corrupt'),
        ],
        past(10, 10),
      ),
    );

    expect(plan).toMatchObject({
      kind: 'roll-back',
      resume: { id: 10 },
      target: { id: 20 },
      nextEpoch: 2,
      discards: { rollBack: [{ id: 20 }], saveAgain: [{ id: 50 }], quarantine: [15] },
    });
  });

  test('goes on above the epochs of complete ones; a discarded epoch leaves its number', () => {
    const discarded = stored('rolled-back', { id: 30, epoch: 8 });
    const older = stored('complete', {
      id: 5,
      epoch: 1,
      change: { sinkEpochs: new Map([['archive', 6]]) },
    });
    const plan = planRecovery(factsOf([discarded, base, older], past(10, 10)));

    expect(plan).toMatchObject({ kind: 'resume', nextEpoch: 7 });
  });

  test('of a fall back resumes the base, and never behind a sink', () => {
    const damaged = unreadable(20, 'corrupt', new Error('EIO'));

    expect(planRecovery(factsOf([damaged, base], past(10, 10)))).toMatchObject({
      kind: 'resume',
      row: { number: 6, variant: 'b' },
      resume: { id: 10 },
      discards: { quarantine: [20] },
    });
    expect(planRecovery(factsOf([damaged, base], past(20, 10))).kind).toBe('refuse');
  });
});
