// What is refused when a coordinator is built, and what the mix is said to guarantee.

import { describe, expect, test } from '@jest/globals';
import { CheckpointCoordinator, MemoryCheckpointStore, isTidegateError, jsonState } from 'tidegate';
import type { CoordinatorOptions, RestoreChoice } from 'tidegate';
import type { Durability, Sink, Source } from 'tidegate/extend';
import { ScriptedSink } from './support/scripted-sink.js';

const source: Source = { position: () => ({}), restore: () => undefined };

function sinksOf(...kinds: readonly Durability[]): Record<string, Sink> {
  return Object.fromEntries(
    kinds.map((kind, index) => [`s${index}`, new ScriptedSink(`s${index}`, kind).asSink()]),
  );
}

function build(options: Partial<CoordinatorOptions>): CheckpointCoordinator {
  return new CheckpointCoordinator({
    pipeline: 'p',
    store: new MemoryCheckpointStore(),
    sources: { numbers: source },
    sinks: {},
    ...options,
  });
}

function problemsOf(options: Partial<CoordinatorOptions>): readonly string[] {
  try {
    build(options);
  } catch (error) {
    if (isTidegateError(error)) return error.details.problems as readonly string[];
    throw error;
  }
  return [];
}

/** As a caller without types may give it. */
function choice(checkpointId: unknown, acceptDuplicatesIn: unknown): RestoreChoice {
  return { checkpointId, acceptDuplicatesIn } as RestoreChoice;
}

describe('building a coordinator', () => {
  test('refuses a durability that is gone, with the ways out', () => {
    const sinks = { old: { ...sinksOf('durable').s0, durability: 'fenced' as never } };
    const [problem, ...others] = problemsOf({ sinks: sinks as never });
    expect(others).toEqual([]);
    expect(problem).toContain('sink old is fenced, a class that is gone');
    for (const wayOut of ['last-resource', 'durable', 'writeAhead']) {
      expect(problem).toContain(wayOut);
    }
  });

  test('tells all problems in one error', () => {
    const problems = problemsOf({
      pipeline: ' ',
      sources: { '': source, 'a/b': source, numbers: { ...source, replayable: false } },
      tables: { numbers: source },
      sinks: sinksOf('last-resource', 'last-resource'),
      checkpoint: {
        timeouts: { commitMs: 0 },
        inDoubtPolicy: 'guess' as never,
        nonsense: 1,
      } as never,
    });
    expect(problems.length).toBe(9);
    const text = problems.join('\n');
    for (const part of [
      'pipeline has a name that is empty',
      'source name ""',
      'source name "a/b"',
      'numbers names both a source and a table',
      'put writeAhead in front of the others',
      'numbers cannot be replayed',
      'checkpoint.timeouts.commitMs is 0',
      'checkpoint.inDoubtPolicy is "guess"',
      'there is no option checkpoint.nonsense',
    ]) {
      expect(text).toContain(part);
    }
  });

  test('refuses a sink that forgets what it prepared before bounds and outage have passed', () => {
    const [sink] = Object.values(sinksOf('durable'));
    const short = { ...sink, maxPreparedLifetimeMs: 200_000 } as Sink;
    expect(problemsOf({ sinks: { short } })[0]).toContain(
      'sink short keeps a prepared epoch for 200000 ms (maxPreparedLifetimeMs), and it may take 940000 ms until it is ' +
        'committed: intervalMs 10000 + timeouts.preCommitMs 30000 + 2 × timeouts.persistMs 240000 + ' +
        'timeouts.commitMs 60000 + maxOutageMs 0 + timeouts.inDoubtMs 600000',
    );
    const checkpoint = { timeouts: { persistMs: 10_000, inDoubtMs: 60_000 } };
    expect(problemsOf({ sinks: { short }, checkpoint })).toEqual([]);
    const outage = { ...checkpoint, maxOutageMs: 3_600_000 };
    expect(problemsOf({ sinks: { short }, checkpoint: outage })[0]).toContain(
      'may take 3780000 ms',
    );
  });

  test('refuses a sink whose epochs may not be open for interval and bounds, with the parts', () => {
    const [sink] = Object.values(sinksOf('last-resource'));
    const short = { ...sink, maxEpochMs: 60_000 } as Sink;
    const [problem] = problemsOf({ sinks: { short } });
    expect(problem).toBe(
      'sink short keeps an epoch open for 60000 ms (maxEpochMs; of a Kafka sink it is ' +
        'transactionTimeoutMs), and it may take 490000 ms until it is committed: intervalMs 10000 + ' +
        'minPauseMs 0 + timeouts.alignmentMs 30000 + timeouts.snapshotMs 120000 + ' +
        'timeouts.preCommitMs 30000 + 2 × timeouts.persistMs 240000 + timeouts.commitMs 60000',
    );
    expect(problemsOf({ sinks: { short: { ...short, maxEpochMs: 490_000 } as Sink } })).toEqual([]);
  });

  test('says in the guarantee what a last-resource sink costs others', () => {
    const [sink] = Object.values(sinksOf('last-resource'));
    const out = { ...sink, caution: 'readers wait' } as Sink;
    const { sinks } = build({ sinks: { out } }).guarantee;
    expect(sinks.get('out')?.why).toBe('it commits first, and its marker decides; readers wait');
  });

  test.each<[string, Partial<CoordinatorOptions>]>([
    ['waitForOwnerMs is NaN', { waitForOwnerMs: Number.NaN }],
    ['waitForOwnerMs is -1', { waitForOwnerMs: -1 }],
    ['liveOwner is "takeover"', { liveOwner: 'takeover' as never }],
    ['restoreFrom is of type number', { restoreFrom: 3 as never }],
    ['restoreFrom.checkpointId is of type string, not', { restoreFrom: choice('3', {}) }],
    ['restoreFrom.checkpointId is 0', { restoreFrom: choice(0, {}) }],
    ['restoreFrom.acceptDuplicatesIn is missing', { restoreFrom: choice(3, undefined) }],
    ['restoreFrom.acceptDuplicatesIn is an array', { restoreFrom: choice(3, ['s0']) }],
    [
      'restoreFrom.acceptDuplicatesIn has an entry s0 that is true',
      { restoreFrom: choice(3, { s0: true }) },
    ],
    ['acceptLostInput is of type boolean, not', { acceptLostInput: true as never }],
    [
      'acceptLostInput has an entry numbers that is 0',
      { acceptLostInput: { numbers: 0 as never } },
    ],
    ['acceptLostInput names other', { acceptLostInput: { other: 3 as never } }],
  ])('refuses what is no choice: %s', (problem, given) => {
    expect(problemsOf(given).join()).toContain(problem);
  });

  test('takes a choice of a checkpoint, and a live owner in each way', () => {
    for (const liveOwner of ['refuse', 'wait', 'take-over'] as const) {
      const restoreFrom = choice(2 ** 24 + 1, { s0: 2 ** 24 + 2 });
      expect(problemsOf({ liveOwner, waitForOwnerMs: 0, restoreFrom })).toEqual([]);
    }
  });

  test('takes undefined settings for defaults', () => {
    expect(problemsOf({ checkpoint: { intervalMs: undefined } as never })).toEqual([]);
  });

  test.each([
    [['durable', 'last-resource'], 'exactly-once'],
    [['durable', 'idempotent'], 'at-least-once'],
    [['at-least-once'], 'at-least-once'],
    [[], 'exactly-once'],
  ] as const)('says that sinks %j are %s', (kinds, level) => {
    expect(build({ sinks: sinksOf(...kinds) }).guarantee.level).toBe(level);
  });

  test('calls an idempotent sink effectively once only when writes are ordered and made again alike', () => {
    const [plain] = Object.values(sinksOf('idempotent'));
    const keyed = { ...plain, ordersWrites: true } as Sink;
    const free = jsonState(
      () => 0,
      () => undefined,
    );
    const same = jsonState(
      () => 0,
      () => undefined,
      { deterministic: true },
    );
    expect(build({ sinks: { keyed }, operators: { free } }).guarantee.level).toBe('at-least-once');
    expect(build({ sinks: { keyed }, operators: { same } }).guarantee.level).toBe(
      'effectively-once',
    );
  });

  test('says that records can be lost when a source cannot give them again', () => {
    const sources = { numbers: { ...source, replayable: false } };
    const { guarantee } = build({ sources, sinks: sinksOf('at-least-once') });
    expect(guarantee.level).toBe('best-effort');
  });
});

describe('jsonState', () => {
  test('freezes the state at the capture', async () => {
    const state = { counts: [1, 2] };
    let restored: unknown;
    const operator = jsonState(
      () => state,
      (saved) => (restored = saved),
    );
    const snapshot = operator.capture();
    state.counts.push(3);
    const bytes = (await snapshot.encode({ signal: AbortSignal.abort() })) as Uint8Array;
    await operator.restore(chunksOf(bytes), { signal: AbortSignal.abort() });
    expect(restored).toEqual({ counts: [1, 2] });
  });

  test('goes back to its first value on a reset, whatever became of the object', async () => {
    let state = { counts: [1] };
    const operator = jsonState(
      () => state,
      (saved) => (state = saved),
    );
    state.counts.push(2);
    await operator.reset();
    expect(state).toEqual({ counts: [1] });
  });

  test('reads characters that two chunks share', async () => {
    let state = 'ä'.repeat(3);
    const operator = jsonState(
      () => state,
      (saved) => (state = saved),
    );
    const bytes = (await operator.capture().encode({ signal: AbortSignal.abort() })) as Uint8Array;
    await operator.restore(chunksOf(bytes, 1), { signal: AbortSignal.abort() });
    expect(state).toBe('äää');
  });

  test.each([undefined, 1n, () => 0])('refuses %p, which JSON cannot hold', (value) => {
    let state: unknown = 0;
    const operator = jsonState(
      () => state,
      () => undefined,
    );
    state = value;
    expect(() => operator.capture()).toThrow(/JSON/);
  });
});

async function* chunksOf(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
