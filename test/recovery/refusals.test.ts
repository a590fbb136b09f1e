// Each refusal names the things, the values and the row, so that a person knows where to look.

import { describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import { checkpointId } from '../../src/ids.js';
import type { RecoveryFacts } from '../../src/recovery/facts.js';
import { planRecovery } from '../../src/recovery/plan.js';
import { factsOf, sink, stored, unreadable } from './facts-kit.js';

function causeFor(facts: RecoveryFacts): TidegateError {
  const plan = planRecovery(facts);
  if (plan.kind === 'refuse' || plan.kind === 'halt') return plan.cause;
  throw new Error(`the plan is to ${plan.kind}`);
}

const eio = new Error('EIO');
const complete = stored('complete', { id: 10, sinks: { archive: 'committed' } });
const silent = sink(undefined, { answer: { kind: 'unanswered', problem: eio } });
const bothCommitted = { archive: 'committed', warehouse: 'committed' } as const;
const bothAnswered = Object.entries(bothCommitted);

describe('the cause of a refusal', () => {
  test('of a silent store or sink is the first silence, with its error', () => {
    const byStore = causeFor(factsOf([], {}, { store: { kind: 'unanswered', problem: eio } }));
    const bySink = causeFor(factsOf([complete], { warehouse: silent, archive: silent }));

    expect(byStore).toMatchObject({
      code: 'TIDEGATE_RECOVERY_UNANSWERED',
      message:
        'the store: EIO ' +
        '(row 1: the store or a sink cannot be fenced or did not answer in time)',
      cause: eio,
      details: { row: '1' },
    });
    expect(bySink.message).toMatch(/^sink warehouse: EIO \(row 1: /);
  });

  test('of a refusing sink is the refusal, although another one is silent', () => {
    const problem = new TidegateError('TIDEGATE_SINK_STORE', 'it belongs to store x');
    const refusing = sink(undefined, { answer: { kind: 'refused', problem, code: problem.code } });

    const cause = causeFor(factsOf([complete], { archive: sink(10), warehouse: refusing }));

    expect(cause).toMatchObject({
      code: 'TIDEGATE_RECOVERY_SINK_REFUSED',
      message:
        'sink warehouse: it belongs to store x (row 2a: the store or a sink refuses this owner)',
      cause: problem,
      details: { row: '2a' },
    });
    const both = causeFor(factsOf([complete], { archive: silent, warehouse: refusing }));
    expect(both.message).toMatch(/^sink warehouse: it belongs to store x \(row 1: /);
  });

  test('of an overtaken owner says so: it has to stop, nothing can be mended', () => {
    const problem = new TidegateError('TIDEGATE_FENCED', 'generation 3 was overtaken');
    const facts = factsOf([], {}, { store: { kind: 'refused', problem } });

    expect(causeFor(facts)).toMatchObject({
      code: 'TIDEGATE_FENCED',
      message: expect.stringMatching(/^the store: generation 3 was overtaken \(row 2a/) as unknown,
    });
    const silentStore = factsOf([], {}, { store: { kind: 'unanswered', problem } });
    expect(causeFor(silentStore).code).toBe('TIDEGATE_RECOVERY_UNANSWERED');
  });

  test('of strangers names each sink that N leaves in doubt', () => {
    const newest = stored('in-doubt', {
      id: 20,
      sinks: { gone: 'pending', lost: 'missing', left: 'failed', archive: 'committed' },
    });

    expect(causeFor(factsOf([newest, complete], { archive: sink(10) }))).toMatchObject({
      code: 'TIDEGATE_RECOVERY_UNKNOWN_SINK',
      message:
        'checkpoint 20 leaves gone, lost, left in doubt (row 2b: N leaves a sink in doubt that is ' +
        'not registered or no longer two-phase)',
    });
  });

  test('does not name a stranger that had committed, or one in a checkpoint that is damaged', () => {
    const left = stored(
      'in-doubt',
      { id: 20, sinks: { gone: 'committed', archive: 'pending' } },
      {
        archive: 'prepared',
      },
    );
    const damaged = stored('corrupt', { id: 20, sinks: { gone: 'pending' } });
    const sinks = { archive: sink(10) };

    expect(planRecovery(factsOf([left, complete], sinks)).row.number).toBe(13);
    expect(planRecovery(factsOf([damaged, complete], sinks)).row.number).toBe(6);
  });

  test('of a sink that is no longer two-phase names it too', () => {
    const newest = stored('in-doubt', { id: 20, sinks: { archive: 'pending' } });
    const facts = factsOf([newest, complete], { archive: sink(undefined, { twoPhase: false }) });

    expect(causeFor(facts).message).toMatch(/^checkpoint 20 leaves archive in doubt/);
  });

  test('of nothing to resume lists what the store holds and who has a marker', () => {
    const rolledBack = stored('rolled-back', { id: 20, sinks: { archive: 'failed' } });
    const corrupt = unreadable(10, 'corrupt', eio);

    expect(causeFor(factsOf([], { archive: sink(5), warehouse: sink() })).message).toBe(
      'the store holds no checkpoint; output is committed in archive up to checkpoint 5: bring the ' +
        'checkpoints back from a copy, or name the directory that has them; to start over on ' +
        'purpose, clear the output together with what the sinks remember, or give the pipeline ' +
        'another name (row 4: nothing to resume, though something was there)',
    );
    const held = causeFor(factsOf([rolledBack, corrupt], { archive: sink() }));
    expect(held.code).toBe('TIDEGATE_RECOVERY_NOTHING_TO_RESUME');
    expect(held.message).toMatch(/^the store holds 20 rolled-back, 10 corrupt \(row 4: /);
    expect(held.cause).toBe(eio);
  });

  test('of too many in doubt lists them and the newest', () => {
    const newest = stored('in-doubt', { id: 30, sinks: { archive: 'pending' } });
    const older = stored('in-doubt', { id: 20, sinks: { archive: 'pending' } });

    expect(causeFor(factsOf([newest, older, complete], { archive: sink(10) }))).toMatchObject({
      code: 'TIDEGATE_RECOVERY_TWO_IN_DOUBT',
      message:
        'in doubt: checkpoints 30, 20; the newest is 30 ' +
        '(row 5: two manifests in doubt, or one below a complete N)',
    });
  });

  test('of one in doubt below a complete one lists it as well', () => {
    const above = stored('complete', { id: 30, sinks: { archive: 'committed' } });
    const older = stored('in-doubt', { id: 20, sinks: { archive: 'pending' } });

    expect(causeFor(factsOf([above, older], { archive: sink(10) })).message).toMatch(
      /^in doubt: checkpoints 20; the newest is 30 /,
    );
  });

  test('of a newer version or damage gives the problem of N', () => {
    const invalid = new Error('expected at most version 1, found version 2');
    const newer = causeFor(factsOf([unreadable(20, 'newer', invalid), complete]));
    expect(newer.code).toBe('TIDEGATE_RECOVERY_NEWER_VERSION');
    expect(newer.message).toMatch(/^checkpoint 20: expected at most version 1, found version 2 \(/);

    const readable = stored('newer', { id: 20, change: { version: 9 } });
    expect(causeFor(factsOf([readable, complete])).message).toMatch(/^checkpoint 20: version 9 \(/);

    const damagedAbove = [unreadable(30, 'corrupt', eio), readable, complete];
    expect(causeFor(factsOf(damagedAbove)).message).toMatch(/^checkpoint 20: version 9 \(row 6a/);
    const below = planRecovery(factsOf([complete, { ...readable, id: checkpointId(5) }]));
    expect(below.kind).toBe('resume');

    const counter = new Error('expected at most 9007199254740991 (2^53-1), found 2^60');
    const beyond = causeFor(factsOf([unreadable(20, 'unsupported', counter), complete]));
    expect(beyond.code).toBe('TIDEGATE_RECOVERY_BEYOND_LIMITS');
    expect(beyond.message).toMatch(/^checkpoint 20: expected at most 9007199254740991/);
    const name = 'checkpoint_18446744073709551615';
    const entry = { name, why: 'its id is above 2^53-1', hasManifest: true, isAboveAll: true };
    const skipped = causeFor(factsOf([complete], {}, { skipped: [entry] }));
    expect(skipped.code).toBe('TIDEGATE_RECOVERY_BEYOND_LIMITS');
    expect(skipped.message).toMatch(/^checkpoint_18446744073709551615: its id is above 2\^53-1/);
    const idZero = { ...entry, name: 'checkpoint_000000', why: 'its id is 0', isAboveAll: false };
    const only = causeFor(factsOf([], {}, { skipped: [idZero] }));
    expect(only.code).toBe('TIDEGATE_RECOVERY_NOTHING_TO_RESUME');
    expect(only.message).toContain('checkpoint_000000 (its id is 0)');
    const rubbish = { ...idZero, hasManifest: false };
    expect(planRecovery(factsOf([], {}, { skipped: [rubbish] })).kind).toBe('fresh');

    const passed = factsOf([unreadable(20, 'corrupt', eio), complete], { archive: sink(20) });
    expect(causeFor(passed)).toMatchObject({
      code: 'TIDEGATE_RECOVERY_CORRUPT',
      message:
        'checkpoint 20 cannot be trusted: EIO ' +
        '(row 6c: N corrupt, and nothing below it is safe to resume)',
      cause: eio,
    });
    const withoutProblem = [unreadable(20, 'corrupt'), complete];
    expect(causeFor(factsOf(withoutProblem, { archive: sink(20) })).message).toMatch(
      /^checkpoint 20 cannot be trusted: unreadable \(/,
    );
  });

  test('of a split says where each sink stands', () => {
    const newest = stored(
      'in-doubt',
      { id: 20, sinks: { archive: 'committed', warehouse: 'pending' } },
      { archive: 'committed', warehouse: 'absent' },
    );
    const base = stored('complete', { id: 10, sinks: bothCommitted });
    const sinks = { archive: sink(20), warehouse: sink(10) };

    expect(causeFor(factsOf([newest, base], sinks))).toMatchObject({
      code: 'TIDEGATE_RECOVERY_SPLIT',
      message:
        'checkpoint 20: archive committed, warehouse absent (row 15: some committed, some absent)',
    });
  });

  describe('where an earlier version has replayed a range', () => {
    const base = stored('complete', { id: 10, sinks: bothCommitted });
    const replaced = stored('in-doubt', { id: 20, sinks: { archive: 'pending' } });
    const replay = stored('complete', { id: 30, sinks: bothCommitted, ours: { supersedes: 20 } });
    const sinks = { archive: sink(30), warehouse: sink(30) };
    const message =
      'the manifest of checkpoint 30 says that it supersedes 20: an earlier version of tidegate ' +
      'replayed that range (row 2c: a manifest of an earlier version replaces another one by a replay)';

    test('the replay is refused by name, and so is what lies above it while the other is there', () => {
      const later = stored('complete', { id: 40, sinks: bothCommitted });
      const expected = { code: 'TIDEGATE_RECOVERY_SUPERSEDES', message };

      expect(causeFor(factsOf([replay, base], sinks))).toMatchObject(expected);
      expect(causeFor(factsOf([later, replay, replaced, base], sinks))).toMatchObject(expected);
    });

    test('a later checkpoint is resumed once the replaced one is gone or discarded', () => {
      const later = stored('complete', { id: 40, sinks: bothCommitted });
      const asked = { ...later, inspections: new Map(bothAnswered) };
      const discarded = stored('rolled-back', { id: 20, sinks: bothCommitted });

      expect(planRecovery(factsOf([asked, replay, base], sinks)).kind).toBe('resume');
      expect(planRecovery(factsOf([asked, replay, discarded, base], sinks)).kind).toBe('resume');
    });
  });

  test('of a foreign one in doubt, and of the policy, says where each sink stands', () => {
    const pending = { id: 20, sinks: { archive: 'pending' } } as const;
    const foreign = stored('in-doubt', { ...pending, ours: 'foreign' }, { archive: 'unsupported' });
    expect(causeFor(factsOf([foreign, complete], { archive: sink() }))).toMatchObject({
      code: 'TIDEGATE_RECOVERY_FOREIGN_IN_DOUBT',
      message:
        'checkpoint 20: archive cannot-tell (row 8: a sink in doubt cannot tell, for want of a handle)',
    });

    const prepared = stored('in-doubt', pending, { archive: 'prepared' });
    const halting = factsOf([prepared, complete], { archive: sink(10) }, { inDoubtPolicy: 'halt' });
    expect(planRecovery(halting).kind).toBe('halt');
    expect(causeFor(halting)).toMatchObject({
      code: 'TIDEGATE_RECOVERY_POLICY',
      message: 'checkpoint 20: archive prepared (row 11c: all prepared, policy halt)',
    });
  });

  test('of a missing base names the one that cannot be discarded', () => {
    const only = stored(
      'in-doubt',
      { id: 20, sinks: { archive: 'pending' } },
      { archive: 'absent' },
    );

    expect(causeFor(factsOf([only], { archive: sink() }))).toMatchObject({
      code: 'TIDEGATE_RECOVERY_NO_BASE',
      message:
        'checkpoint 20 cannot be discarded: there is no intact complete checkpoint below it to ' +
        'resume (row 12b: none committed, some absent)',
    });
  });
});

describe('a plan that resumes is checked against the sinks', () => {
  test('a sink ahead of what is resumed is named with both numbers', () => {
    expect(causeFor(factsOf([complete], { archive: sink(11) }))).toMatchObject({
      code: 'TIDEGATE_RECOVERY_SINK_AHEAD',
      message:
        'sink archive has committed checkpoint 11, but the newest that can be resumed is 10: ' +
        'everything between would be written to it a second time',
      details: { sink: 'archive', lastCommitted: 11, resumed: 10 },
    });
  });

  test('a sink that was set back is named with its answer', () => {
    const facts = (answer: 'absent' | 'prepared' | undefined) =>
      factsOf(
        [
          stored(
            'complete',
            { id: 10, sinks: { archive: 'committed' } },
            answer === undefined ? {} : { archive: answer },
          ),
        ],
        { archive: sink() },
      );

    expect(causeFor(facts('absent'))).toMatchObject({
      code: 'TIDEGATE_RECOVERY_SINK_REWOUND',
      message:
        'sink archive had committed checkpoint 10, but answers absent about it now: ' +
        'it was emptied, or set back to an older state',
      details: { sink: 'archive', checkpoint: 10, answer: 'absent' },
    });
    expect(causeFor(facts('prepared')).message).toContain('but answers prepared about it now');
    expect(causeFor(facts(undefined)).message).toContain('but answers nothing about it now');
  });

  test('an entry without a handle proves nothing about a sink', () => {
    const spec = { id: 10, sinks: { archive: 'committed' }, handles: [] } as const;
    const plan = planRecovery(factsOf([stored('complete', spec)], { archive: sink() }));

    expect(plan.kind).toBe('resume');
  });

  test('every misfit of the manifest stands in one message', () => {
    const misfit = stored('complete', {
      id: 10,
      change: { vnodeCount: 128, sourceNames: ['other'] },
    });

    expect(causeFor(factsOf([misfit]))).toMatchObject({
      code: 'TIDEGATE_RECOVERY_MANIFEST',
      message:
        'checkpoint 10 does not fit this pipeline: its vnode count is 128, the pipeline has 256; ' +
        'it has offsets of source lines, which it does not name',
      details: {
        errors: [
          'its vnode count is 128, the pipeline has 256',
          'it has offsets of source lines, which it does not name',
        ],
      },
    });
  });
});
