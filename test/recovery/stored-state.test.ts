// What a scan says about each checkpoint, and what the manifests that recovery makes say.

import { completed, rolledBack } from '../../src/manifest/create.js';
import { classify } from '../../src/recovery/candidates.js';
import { describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import type { CheckpointListing, CheckpointState } from 'tidegate/extend';
import type { CheckpointManifest } from 'tidegate/manifest';
import { checkpointId } from '../../src/ids.js';
import { columnsOf } from '../../src/recovery/columns.js';
import { factsOf, manifestOf, sink, stored, unreadable, type ManifestSpec } from './facts-kit.js';

function listing(
  state: CheckpointState,
  manifest: CheckpointManifest | undefined,
  change: Partial<CheckpointListing> = {},
): CheckpointListing {
  const id = change.id ?? checkpointId(manifest?.checkpointId ?? 7);
  return { id, state, byteLength: 1, ...(manifest === undefined ? {} : { manifest }), ...change };
}

function only(found: CheckpointListing) {
  const [checkpoint] = classify([found]);
  if (checkpoint === undefined) throw new Error('it was left out');
  return checkpoint;
}

describe('a scan', () => {
  test('is read newest first, without orphans, and nothing in it counts as verified', () => {
    const found = [3, 9, 5].map((id) => listing('complete', manifestOf({ id })));
    const checkpoints = classify([...found, listing('orphan', undefined)]);

    expect(checkpoints.map(({ id }) => id)).toEqual([9, 5, 3]);
    expect(checkpoints[0]).toEqual({
      id: 9,
      state: 'complete',
      manifest: manifestOf({ id: 9 }),
      isIntact: false,
      problem: undefined,
      inspections: new Map(),
    });
  });

  test.each([
    [{ version: 0 }, 'its version is 0'],
    [{ epoch: 0 }, 'its epoch is 0'],
    [{ checkpointId: 0 }, 'its checkpoint id is 0'],
    [{ checkpointId: 8 }, 'it says checkpoint 8 in the place of 7'],
  ] as const)('takes %j for damage, whatever the store says', (change, problem) => {
    const manifest = manifestOf({ id: 7, change });
    const found = only(listing('complete', manifest, { id: checkpointId(7) }));

    expect(found).toMatchObject({ state: 'corrupt', problem: { message: problem } });
    const discarded = listing('rolled-back', manifest, { id: checkpointId(7) });
    expect(only(discarded).state).toBe('rolled-back');
  });

  test('keeps the problem of the store, and what the store calls corrupt stays so', () => {
    const problem = new Error('its sidecar is missing');

    expect(only(listing('corrupt', manifestOf({ id: 7 }), { problem }))).toMatchObject({
      state: 'corrupt',
      problem,
    });
    expect(only(listing('corrupt', undefined, { problem })).state).toBe('corrupt');
    expect(only(listing('corrupt', undefined)).state).toBe('corrupt');
  });

  test('tells a newer version from damage', () => {
    const invalid = new TidegateError('TIDEGATE_MANIFEST_COUNTER_TOO_LARGE', '2^53');
    const corrupt = new TidegateError('TIDEGATE_MANIFEST_SYNTAX', 'cut');

    expect(only(listing('corrupt', undefined, { problem: invalid })).state).toBe('unsupported');
    expect(only(listing('corrupt', undefined, { problem: corrupt })).state).toBe('corrupt');
    const newer = manifestOf({ id: 7, change: { version: 2 } });
    expect(only(listing('complete', newer)).state).toBe('newer');
    const other = new TidegateError('TIDEGATE_MANIFEST_VERSION', 'version 10');
    expect(only(listing('corrupt', undefined, { problem: other })).state).toBe('newer');
    expect(only(listing('newer', undefined, { problem: other })).state).toBe('newer');
  });

  test('takes a sink of ours without a status for pending, and a foreign one for flushed', () => {
    const unnamed = manifestOf({ id: 7, sinks: { archive: 'missing' } });
    expect(only(listing('complete', unnamed)).state).toBe('in-doubt');

    const change = { sinkEpochs: new Map([['archive', 1]]) };
    const foreign = listing('complete', manifestOf({ id: 7, ours: 'foreign', change }));
    expect(only(foreign).state).toBe('complete');
    expect(only(listing('complete', manifestOf({ id: 7, change }))).state).toBe('complete');
    const mixed = { archive: 'missing', warehouse: 'pending' } as const;
    const pending = manifestOf({ id: 7, ours: 'foreign', sinks: mixed });
    expect(only(listing('complete', pending)).state).toBe('in-doubt');
    const committed = { archive: 'missing', warehouse: 'committed' } as const;
    const done = manifestOf({ id: 7, ours: 'foreign', sinks: committed });
    expect(only(listing('in-doubt', done)).state).toBe('complete');
  });
});

describe('a manifest that recovery makes', () => {
  test('complete: each sink is committed, and its epoch never goes back', () => {
    const made = completed(
      manifestOf({
        id: 7,
        epoch: 4,
        sinks: { archive: 'pending', warehouse: 'failed', named: 'missing' },
        change: { sinkEpochs: new Map([['archive', 9]]) },
      }),
    );

    const committed = { kind: 'committed' };
    expect(Object.fromEntries(made.sinkCommitStatuses)).toEqual({
      archive: committed,
      warehouse: committed,
      named: committed,
    });
    expect(Object.fromEntries(made.sinkEpochs)).toEqual({ archive: 9, warehouse: 4, named: 4 });
    const withoutSinks = manifestOf({ id: 7 });
    expect(completed(withoutSinks)).toBe(withoutSinks);
  });

  const owner = { storeId: 's', pipeline: 'p', generation: 5 };

  test('rolled back: marked with who and why; what a sink has committed stays', () => {
    const manifest = manifestOf({
      id: 7,
      sinks: { archive: 'pending', warehouse: 'committed', named: 'missing' },
    });
    const made = rolledBack(manifest, owner, 'for a test');

    const failed = { kind: 'failed', message: 'rolled back: for a test' };
    expect(Object.fromEntries(made.sinkCommitStatuses)).toEqual({
      archive: failed,
      warehouse: { kind: 'committed' },
      named: failed,
    });
    expect(made.tidegate).toEqual({
      ...manifest.tidegate,
      rolledBack: { reason: 'for a test', generation: 5 },
    });
  });

  test('rolled back from a foreign one: it gets our object without handles', () => {
    expect(rolledBack(manifestOf({ id: 7, ours: 'foreign' }), owner, 'why').tidegate).toEqual({
      ...owner,
      kind: 'checkpoint',
      commitHandles: new Map(),
      rolledBack: { reason: 'why', generation: 5 },
    });
  });
});

describe('the columns of the recovery table', () => {
  const pending = { id: 20, sinks: { archive: 'pending' } } as const;
  const base = stored('complete', { id: 10, sinks: { archive: 'committed' } });
  const sinksFor = (
    ...answers: readonly (readonly [string, 'committed' | 'prepared' | 'absent'])[]
  ) => {
    const spec: ManifestSpec = {
      id: 20,
      sinks: Object.fromEntries(answers.map(([name]) => [name, 'pending'] as const)),
    };
    const newest = stored('in-doubt', spec, Object.fromEntries(answers));
    const registered = Object.fromEntries(answers.map(([name]) => [name, sink()]));
    return columnsOf(factsOf([newest, base], registered)).sinks;
  };

  test('tell what N is', () => {
    const newestOf = (...checkpoints: Parameters<typeof factsOf>[0]) =>
      columnsOf(factsOf(checkpoints)).newest;

    expect(newestOf()).toBe('none');
    expect(newestOf(stored('rolled-back', { id: 20 }))).toBe('nothing-to-resume');
    expect(newestOf(unreadable(20, 'corrupt'))).toBe('nothing-to-resume');
    expect(newestOf(unreadable(20, 'corrupt'), base)).toBe('corrupt');
    expect(newestOf(unreadable(20, 'corrupt'), stored('in-doubt', { id: 10 }))).toBe('corrupt');
    expect(newestOf(unreadable(20, 'unsupported'), base)).toBe('unsupported');
    expect(newestOf(base)).toBe('complete');
    expect(newestOf(stored('in-doubt', pending))).toBe('in-doubt');
  });

  test('tell how many are in doubt: none may be below a complete N', () => {
    const doubts = (...checkpoints: Parameters<typeof factsOf>[0]) =>
      columnsOf(factsOf(checkpoints)).doubts;
    const inDoubt = (id: number) => stored('in-doubt', { ...pending, id });

    expect(doubts(inDoubt(20), base)).toBe('one-at-most');
    expect(doubts(inDoubt(30), inDoubt(20), base)).toBe('too-many');
    expect(doubts(stored('complete', { id: 30 }), inDoubt(20))).toBe('too-many');
    expect(doubts(unreadable(30, 'corrupt'), inDoubt(20), base)).toBe('one-at-most');
    expect(doubts()).toBe('one-at-most');
  });

  test('tell whether a fall back is safe, and who has a marker', () => {
    const damaged = unreadable(20, 'corrupt');
    const columns = (last: number | undefined, twoPhase = true) =>
      columnsOf(factsOf([damaged, base], { archive: sink(last, { twoPhase }) }));

    expect(columns(10)).toMatchObject({ fallback: 'usable', markers: 'some' });
    expect(columns(11)).toMatchObject({ fallback: 'passed', markers: 'some' });
    expect(columns(11, false)).toMatchObject({ fallback: 'usable', markers: 'none' });
    expect(columns(undefined)).toMatchObject({ fallback: 'usable', markers: 'none' });
    expect(columnsOf(factsOf([damaged])).fallback).toBe('none');
  });

  test('tell where all sinks stand together', () => {
    expect(sinksFor(['a', 'committed'], ['b', 'committed'])).toBe('all-committed');
    expect(sinksFor(['a', 'prepared'], ['b', 'prepared'])).toBe('all-prepared');
    expect(sinksFor(['a', 'prepared'], ['b', 'absent'])).toBe('none-committed-some-absent');
    expect(sinksFor(['a', 'absent'])).toBe('none-committed-some-absent');
    expect(sinksFor(['a', 'committed'], ['b', 'prepared'])).toBe('some-committed-rest-prepared');
    expect(sinksFor(['a', 'committed'], ['b', 'absent'])).toBe('some-committed-some-absent');
    expect(sinksFor(['a', 'committed'], ['b', 'absent'], ['c', 'prepared'])).toBe(
      'some-committed-some-absent',
    );
    const silent = stored('in-doubt', pending);
    expect(columnsOf(factsOf([silent, base], { archive: sink() })).sinks).toBe('cannot-tell');
    expect(columnsOf(factsOf([base], { archive: sink() })).sinks).toBe('all-committed');
  });

  test('tell who has answered, who refuses, and what was set', () => {
    const problem = new Error('EIO');
    const answer = (kind: 'unanswered' | 'refused') =>
      sink(undefined, { answer: { kind, problem, code: undefined } });
    const columns = (sinks: Parameters<typeof factsOf>[1], change = {}) =>
      columnsOf(factsOf([base], sinks, change));

    expect(columns({ archive: sink(), other: answer('unanswered') })).toMatchObject({
      answers: 'missing',
      owner: 'accepted',
    });
    expect(columns({ archive: sink(), other: answer('refused') })).toMatchObject({
      answers: 'all',
      owner: 'refused',
    });
    expect(columns({}, { store: { kind: 'unanswered', problem } }).answers).toBe('missing');
    expect(columns({}, { store: { kind: 'refused', problem } }).owner).toBe('refused');
    expect(columns({})).toMatchObject({
      answers: 'all',
      owner: 'accepted',
      occasion: 'start',
      timeout: 'running',
      policy: 'roll-back',
    });
    expect(
      columns({}, { isInDoubtTimeoutReached: true, occasion: 'in-process', inDoubtPolicy: 'halt' }),
    ).toMatchObject({ timeout: 'reached', occasion: 'in-process', policy: 'halt' });
  });
});
