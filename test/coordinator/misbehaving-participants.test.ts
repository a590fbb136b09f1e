// Participants that misbehave: each leaves the coordinator able to go on, or halted with a cause.

import { describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import type { CallOptions, Durability, Sink, SinkOwner } from 'tidegate/extend';
import { Harness, type HarnessOptions } from './support/harness.js';
import { ManualPort, passEverything } from './support/manual-port.js';
import { fails, never, ScriptedSink, type Script, type SinkCall } from './support/scripted-sink.js';

/** Goes on to number `last`, stops, and looks at every sink: each number once, in order. */
async function expectExactlyOnce(harness: Harness, last: number): Promise<void> {
  while (harness.source.next < last) await harness.turn();
  await harness.settle(harness.coordinator.stop());
  const numbers = Array.from({ length: last }, (_, index) => index + 1);
  for (const sink of harness.sinks.values())
    expect([sink.name, sink.visible]).toEqual([sink.name, numbers]);
  expect(harness.sum).toBe((last * (last + 1)) / 2);
}

async function started(options: HarnessOptions = {}): Promise<Harness> {
  const harness = new Harness(options);
  await harness.start();
  await harness.turn();
  await harness.checkpoint();
  await harness.turn();
  return harness;
}

const mixes: readonly Readonly<Record<string, Durability>>[] = [
  { left: 'durable' },
  { left: 'durable', right: 'durable' },
  { left: 'last-resource' },
  { left: 'last-resource', right: 'durable' },
];

const badCalls: readonly {
  readonly how: string;
  readonly call: SinkCall;
  readonly script: Script;
}[] = [
  { how: 'throws', call: 'preCommit', script: fails() },
  { how: 'never answers', call: 'preCommit', script: never },
  {
    how: 'rejects with a value that is no error',
    call: 'preCommit',
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    script: () => Promise.reject('nope'),
  },
  { how: 'throws', call: 'commit', script: fails() },
  { how: 'never answers', call: 'commit', script: never },
  { how: 'throws', call: 'write', script: fails() },
];

describe.each(mixes)('with sinks %j', (sinks) => {
  test.each(badCalls)('a sink that $how on $call costs no record and doubles none', async (bad) => {
    const harness = await started({ sinks });
    harness.sink('left').next(bad.call, bad.script);
    await harness.turn();
    await harness.checkpoint();
    await expectExactlyOnce(harness, 5);
    expect(harness.coordinator.status().cause).toBeUndefined();
  });

  test.each(['preCommit', 'commit'] as const)(
    'a %s that takes effect and whose answer is lost costs no record and doubles none',
    async (call) => {
      const harness = await started({ sinks });
      harness.sink('left').nextAfter(call, never);
      await harness.turn();
      const outcome = await harness.checkpoint();
      expect(outcome.kind).toBe('failed');
      await expectExactlyOnce(harness, 5);
    },
  );

  test.each(['before', 'after'] as const)(
    'a save of the manifest that fails %s it took effect is never taken for absent',
    async (when) => {
      const harness = await started({ sinks });
      harness.faults[when] = (how) => {
        if (how !== 'save') return;
        harness.faults[when] = () => undefined;
        throw new Error('the disk is away');
      };
      const outcome = await harness.checkpoint();
      expect(outcome).toMatchObject({ kind: 'failed', cause: { step: 'persist' } });
      await expectExactlyOnce(harness, 5);
    },
  );

  test.each(['before', 'after'] as const)(
    'a re-save that fails %s it took effect is no success and is recovered',
    async (when) => {
      const harness = await started({ sinks });
      harness.faults[when] = (how) => {
        if (how !== 'update') return;
        harness.faults[when] = () => undefined;
        throw new Error('the disk is away');
      };
      const outcome = await harness.checkpoint();
      expect(outcome).toMatchObject({ kind: 'failed', cause: { step: 're-save' } });
      await expectExactlyOnce(harness, 5);
    },
  );

  test('a save that never answers ends with its bound and is recovered', async () => {
    const harness = await started({ sinks });
    harness.faults.after = (how) => {
      harness.faults.after = () => undefined;
      return how === 'save' ? never() : undefined;
    };
    const outcome = await harness.checkpoint();
    expect(outcome).toMatchObject({
      kind: 'failed',
      cause: { kind: 'timed-out', step: 'persist' },
    });
    await expectExactlyOnce(harness, 5);
  });
});

describe('the order of commits', () => {
  test('a last-resource sink that fails leaves every other sink unasked and pending', async () => {
    const harness = await started({ sinks: { durable: 'durable', first: 'last-resource' } });
    const before = harness.sink('durable').calls.length;
    harness.sink('first').next('commit', ...Array.from({ length: 40 }, () => fails()));
    await harness.turn();
    const asked = harness.coordinator.checkpoint();
    await harness.settle(harness.coordinator.safePoint());
    const outcome = await harness.settle(asked);
    expect(outcome).toMatchObject({ kind: 'failed', cause: { kind: 'unsettled' } });
    const calls = harness.sink('durable').calls.slice(before);
    expect(calls.filter((call) => call.startsWith('commit'))).toEqual([]);
    const saves = harness.log.filter((call) => call.kind === 'saved' && call.how === 'update');
    const last = saves.at(-1);
    if (last?.kind !== 'saved') throw new Error('nothing was saved again');
    const statuses = [...last.manifest.sinkCommitStatuses.values()].map(({ kind }) => kind);
    expect(statuses).toEqual(['pending', 'pending']);
    harness.sink('first').scripts.clear();
    await expectExactlyOnce(harness, 5);
  });

  test('the last-resource sink has answered before any other is asked', async () => {
    const harness = await started({ sinks: { a: 'durable', z: 'last-resource', b: 'durable' } });
    const from = harness.log.length;
    await harness.checkpoint();
    const commits = harness.log
      .slice(from)
      .flatMap((call) => (call.kind === 'commit' || call.kind === 'committed' ? [call] : []))
      .map(({ kind, sink }) => `${kind} ${sink}`);
    expect(commits.slice(0, 2)).toEqual(['commit z', 'committed z']);
    expect(commits.length).toBe(6);
  });

  test('a commit is tried again with a growing pause until it is answered', async () => {
    const harness = await started();
    harness.sink('left').next('commit', fails(), fails(), fails());
    const before = harness.clock.monotonicMs();
    const outcome = await harness.checkpoint();
    expect(outcome.kind).toBe('completed');
    expect(harness.names().filter((name) => name === 'sink-not-committed').length).toBe(3);
    const waitedMs = harness.clock.monotonicMs() - before;
    // Pauses of 50, 100 and 200 ms, each shortened by up to a half.
    expect(waitedMs).toBeGreaterThanOrEqual(175);
    expect(waitedMs).toBeLessThanOrEqual(350);
  });

  test('a sink that says its output is gone is recovered, not skipped', async () => {
    const harness = await started({ sinks: { left: 'durable', right: 'durable' } });
    const left = harness.sink('left');
    const right = harness.sink('right');
    for (const sink of [left, right]) sink.next('commit', () => sink.prepared.clear());
    const outcome = await harness.checkpoint();
    expect(outcome).toMatchObject({ kind: 'failed', cause: { sinks: ['left', 'right'] } });
    await expectExactlyOnce(harness, 5);
  });

  test('a commit that times out and lands later is found, not repeated', async () => {
    const harness = await started({ sinks: { left: 'durable', right: 'durable' } });
    harness.sink('left').next('commit', never);
    await harness.turn();
    const outcome = await harness.checkpoint();
    expect(outcome).toMatchObject({ kind: 'failed', cause: { sinks: ['left'] } });
    await expectExactlyOnce(harness, 6);
  });
});

describe('sources and operators', () => {
  test('a position that throws abandons the attempt; the epoch keeps its number', async () => {
    const harness = await started();
    const position = harness.source.position.bind(harness.source);
    harness.source.position = () => {
      harness.source.position = position;
      throw new Error('no position');
    };
    const abandoned = await harness.checkpoint();
    expect(abandoned).toMatchObject({ kind: 'abandoned', cause: { step: 'barrier' } });
    const ended = harness.seen.find(({ name }) => name === 'checkpoint-abandoned')?.fact;
    const completed = await harness.checkpoint();
    if (completed.kind !== 'completed') throw new Error(completed.kind);
    expect(ended).toMatchObject({ epoch: completed.epoch });
    expect((ended as { checkpointId: number }).checkpointId).not.toBe(completed.checkpointId);
    expect(harness.source.restored).toBe(1);
    await expectExactlyOnce(harness, 5);
  });

  test('a position that never comes lets the loop go on after its bound', async () => {
    const harness = await started({ checkpoint: { skipWhenIdle: false } });
    const position = harness.source.position.bind(harness.source);
    harness.source.position = () => never() as never;
    const abandoned = await harness.checkpoint();
    expect(abandoned).toMatchObject({ kind: 'abandoned', cause: { kind: 'timed-out' } });
    harness.source.position = position;
    await expectExactlyOnce(harness, 5);
  });

  test('an offset that is no text is refused, naming it', async () => {
    const harness = await started({ checkpoint: { skipWhenIdle: false } });
    const position = harness.source.position.bind(harness.source);
    harness.source.position = () => ({ next: 2 }) as never;
    const abandoned = await harness.checkpoint();
    harness.source.position = position;
    expect(abandoned.kind).toBe('abandoned');
    expect(JSON.stringify(abandoned, errorText)).toContain(
      'the position of source numbers has an offset, next, that is of type number',
    );
    await expectExactlyOnce(harness, 5);
  });

  test('a state above maxCheckpointBytes abandons each attempt and never halts', async () => {
    const harness = await started();
    (harness as { sum: unknown }).sum = 'x'.repeat(300);
    const small = new Harness({
      store: harness.store,
      scripted: harness.sinks,
      checkpoint: { maxCheckpointBytes: 100, tolerableFailures: 0 },
    });
    await small.start();
    await small.turn();
    const good = small.sum;
    (small as { sum: unknown }).sum = 'x'.repeat(300);
    const toldOf: number[] = [];
    small.coordinator.events.on('checkpoint-abandoned', () => {
      toldOf.push(small.coordinator.status().abandonedInARow);
    });
    for (let tries = 0; tries < 5; tries++) {
      const outcome = await small.checkpoint();
      expect(outcome).toMatchObject({ kind: 'abandoned', cause: { step: 'snapshot' } });
    }
    expect(small.coordinator.status()).toMatchObject({
      phase: 'running',
      failuresInARow: 0,
      abandonedInARow: 5,
      lastProblem: { code: 'TIDEGATE_CHECKPOINT_TOO_LARGE' },
    });
    expect(toldOf).toEqual([1, 2, 3, 4, 5]);
    small.sum = good;
    await small.checkpoint();
    expect(small.coordinator.status()).toMatchObject({
      abandonedInARow: 0,
      lastProblem: undefined,
    });
    await expectExactlyOnce(small, 4);
  });

  test('an acknowledgement that meets a refused connection is repeated until it is taken', async () => {
    const harness = await started();
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const taken: unknown[] = [];
    let running = 0;
    let calls = 0;
    harness.source.acknowledge = async ({ next }) => {
      running += 1;
      expect(running).toBe(1);
      await Promise.resolve();
      running -= 1;
      calls += 1;
      if (calls < 5) throw refused;
      taken.push(next);
    };
    const told: string[] = [];
    harness.coordinator.events.on('source-waiting', () => told.push('waiting'));
    harness.coordinator.events.on('source-back', ({ failures }) => told.push(`back ${failures}`));
    expect(await harness.checkpoint()).toMatchObject({ kind: 'completed' });
    await harness.clock.advance(30_000);
    expect(taken).toEqual(['2']);
    expect(told).toEqual(['waiting', 'waiting', 'waiting', 'waiting', 'back 4']);
    // A newer one comes before the one that is owed.
    calls = 3;
    await harness.turn();
    await harness.checkpoint();
    await harness.turn();
    await harness.checkpoint();
    await harness.clock.advance(30_000);
    expect(taken).toEqual(['2', '4']);
    await expectExactlyOnce(harness, 6);
  });

  test('an acknowledgement that fails or hangs fails no checkpoint', async () => {
    const harness = await started();
    harness.source.acknowledge = () => {
      throw new Error('gone');
    };
    await harness.turn();
    expect((await harness.checkpoint()).kind).toBe('completed');
    harness.source.acknowledge = never;
    await harness.turn();
    expect((await harness.checkpoint()).kind).toBe('completed');
    await expectExactlyOnce(harness, 5);
  });
});

describe('a position that a manifest would keep as something else', () => {
  test.each([
    ['a Map', new Map([['next', '4']]), 'is a Map, not a plain object'],
    ['a number', { next: 4 }, 'has an offset, next, that is of type number'],
    ['offsets in a Map', { offsets: new Map([['next', '4']]) }, 'has offsets that are a Map'],
  ])('as %s abandons the attempt, with the name of the source', async (_, given, problem) => {
    const harness = await started();
    harness.source.position = () => given as never;
    const outcome = await harness.checkpoint();
    expect(outcome).toMatchObject({
      kind: 'abandoned',
      cause: {
        error: {
          code: 'TIDEGATE_PARTICIPANT',
          message: expect.stringContaining('source numbers') as unknown,
          cause: {
            code: 'TIDEGATE_SOURCE_POSITION',
            message: expect.stringContaining(problem) as unknown,
          },
        },
      },
    });
  });
});

describe('a sink whose session is not what its durability says', () => {
  test.each([
    ['durable', 'preCommit'],
    ['last-resource', 'commit'],
    ['idempotent', 'flush'],
  ] as const)('%s without %s() is refused by start(), and closed', async (durability, member) => {
    const whole = new ScriptedSink('left', durability).asSink();
    let closed = 0;
    const left = {
      ...whole,
      open: async (owner: SinkOwner, options: CallOptions) => {
        const session = await whole.open(owner, options);
        return Object.assign(session, { [member]: undefined, close: () => void (closed += 1) });
      },
    } as unknown as Sink;
    const harness = new Harness({ more: { sinks: { left } } });
    await expect(harness.start()).rejects.toMatchObject({
      code: 'TIDEGATE_HALTED',
      message: expect.stringContaining(`what sink left opens has no ${member}()`) as unknown,
    });
    expect(closed).toBe(1);
  });
});

describe('a call whose answer the protocol does not need', () => {
  const throwing = (): never => {
    throw new Error('not me');
  };

  /** Two more checkpoints and the end: an attempt that is never concluded would be the last one. */
  async function expectGoesOn(harness: Harness): Promise<void> {
    for (let round = 0; round < 2; round++) {
      await harness.turn();
      expect((await harness.checkpoint()).kind).toBe('completed');
    }
    await harness.settle(harness.coordinator.stop());
    expect(harness.coordinator.status()).toMatchObject({ phase: 'stopped', cause: undefined });
  }

  test.each([
    ['throws', throwing],
    // A release is not waited for, so its rejection would be unhandled.
    ['rejects', () => Promise.reject(new Error('not me')) as never],
  ])('a snapshot whose release %s is reported and fails nothing', async (_how, release) => {
    let captures = 0;
    const operator = {
      // The first is recovery's, for the start checkpoint.
      capture: () => ({
        encode: () => new Uint8Array([1]),
        ...(captures++ === 0 ? {} : { release }),
      }),
      restore: () => undefined,
      reset: () => undefined,
    };
    const harness = await started({ more: { operators: { clumsy: operator } } });
    expect(harness.names()).not.toContain('checkpoint-failed');
    const trouble = harness.seen.filter(({ name }) => name === 'participant-error');
    expect(JSON.stringify(trouble, errorText)).toContain('operator clumsy');
    await expectGoesOn(harness);
  });

  test('a dataflow whose cancel throws goes on after an abandoned attempt', async () => {
    const port = new ManualPort();
    port.cancel = throwing;
    const harness = new Harness({ more: { barriers: port } });
    await harness.start();
    expect((await harness.settle(harness.coordinator.checkpoint())).kind).toBe('abandoned');
    expect(harness.names()).toContain('participant-error');
    port.onInject = (barrier, listener) => {
      passEverything(barrier, listener, { next: 1, sinks: ['left', 'right'] });
    };
    expect((await harness.settle(harness.coordinator.checkpoint())).kind).toBe('completed');
    await harness.settle(harness.coordinator.stop());
  });

  test('a logger that throws stops nothing', async () => {
    const logger = { debug: throwing, info: throwing, warn: throwing, error: throwing };
    const harness = await started({ more: { logger } });
    harness.source.position = throwing;
    expect((await harness.checkpoint()).kind).toBe('abandoned');
    Reflect.deleteProperty(harness.source, 'position');
    harness.sink('left').next('preCommit', fails());
    expect((await harness.checkpoint()).kind).toBe('failed');
    await harness.turn();
    await expectGoesOn(harness);
  });

  test('an attempt whose end cannot be reported is recovered, and a stop does not spin', async () => {
    const harness = await started();
    await harness.turn();
    harness.coordinator.events.on('step-ended', ({ step }) => {
      if (step !== 're-save') return;
      harness.clock.monotonicMs = () => {
        Reflect.deleteProperty(harness.clock, 'monotonicMs');
        throw new Error('no idea what time it is');
      };
    });
    expect((await harness.checkpoint()).kind).toBe('failed');
    harness.coordinator.events.off('step-ended');
    while ((await harness.turn()).kind === 'rewound');
    await expectExactlyOnce(harness, 5);
  });
});

describe('failures in a row', () => {
  test('an owner that learns of a newer one by a write halts, and writes no more', async () => {
    const harness = await started();
    const other = new Harness({ store: harness.store, scripted: harness.sinks });
    await other.start();
    await expect(harness.turn()).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
    expect(harness.coordinator.status()).toMatchObject({ phase: 'halted' });
    await expectExactlyOnce(other, 5);
  });

  test('halt with the cause when there are more than tolerableFailures', async () => {
    const harness = await started({ checkpoint: { tolerableFailures: 2 } });
    harness.sink('left').next('preCommit', ...Array.from({ length: 3 }, () => fails('still away')));
    for (let tries = 0; tries < 3; tries++) {
      while ((await harness.turn()).kind === 'rewound');
      expect((await harness.settle(askAndArrive(harness))).kind).toBe('failed');
    }
    expect(harness.coordinator.status().phase).toBe('halted');
    const thrown = await harness
      .settle(harness.coordinator.safePoint())
      .catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'TIDEGATE_HALTED' });
    await expect(harness.coordinator.done).rejects.toMatchObject({ code: 'TIDEGATE_HALTED' });
  });

  test('are forgotten with the next complete checkpoint', async () => {
    const harness = await started({ checkpoint: { tolerableFailures: 1 } });
    for (let round = 0; round < 4; round++) {
      harness.sink('left').next('preCommit', fails());
      await harness.turn();
      expect((await harness.checkpoint()).kind).toBe('failed');
      await harness.turn();
      await harness.turn();
      expect((await harness.checkpoint()).kind).toBe('completed');
    }
    expect(harness.coordinator.status().failuresInARow).toBe(0);
  });

  test('do not count for an owner that was overtaken: it halts as fenced and touches no sink', async () => {
    const harness = await started();
    const other = new Harness({ store: harness.store, scripted: harness.sinks });
    await other.start();
    const before = harness.log.length;
    await harness.checkpoint();
    const thrown = await harness
      .settle(harness.coordinator.safePoint())
      .catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(TidegateError);
    expect(harness.coordinator.status().phase).toBe('halted');
    expect(harness.names()).toContain('fenced');
    expect(harness.log.slice(before).filter(({ kind }) => kind === 'committed')).toEqual([]);
    await expectExactlyOnce(other, 5);
  });
});

async function askAndArrive(harness: Harness) {
  const asked = harness.coordinator.checkpoint();
  await harness.coordinator.safePoint();
  return asked;
}

function errorText(_key: string, value: unknown): unknown {
  return value instanceof Error ? { message: value.message, cause: value.cause } : value;
}
