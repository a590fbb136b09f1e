// The coordinator in a loop: starting, triggers, outcomes, stopping.

import { describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import { Harness } from './support/harness.js';
import { ManualPort, passEverything } from './support/manual-port.js';
import { fails, never } from './support/scripted-sink.js';

async function started(options: ConstructorParameters<typeof Harness>[0] = {}): Promise<Harness> {
  const harness = new Harness(options);
  await harness.start();
  return harness;
}

function completedCount(harness: Harness): number {
  return harness.names().filter((name) => name === 'checkpoint-completed').length;
}

describe('a coordinator in a loop', () => {
  test('starts fresh, takes a checkpoint and commits every sink', async () => {
    const harness = await started();
    await harness.turn();
    await harness.turn();
    const outcome = await harness.checkpoint();
    expect(outcome.kind).toBe('completed');
    expect(harness.sink('left').visible).toEqual([1, 2]);
    expect(harness.sink('right').visible).toEqual([1, 2]);
    expect(harness.source.acknowledged.at(-1)).toBe(2);
  });

  test('tells the seven steps in order, each with its end', async () => {
    const harness = await started({ checkpoint: { stateInlineThresholdBytes: 0 } });
    await harness.turn();
    await harness.checkpoint();
    const steps = harness.seen
      .filter(({ name }) => name === 'step-started' || name === 'step-ended')
      .map(({ name, fact }) => `${(fact as { number: number }).number} ${name.slice(5)}`);
    expect(steps).toEqual(
      [1, 2, 3, 4, 5, 6, 7].flatMap((step) => [`${step} started`, `${step} ended`]),
    );
  });

  test('goes on in a new process where the last complete checkpoint was', async () => {
    const harness = await started({ checkpoint: { stateInlineThresholdBytes: 0 } });
    for (let turns = 0; turns < 3; turns++) await harness.turn();
    await harness.checkpoint();
    await harness.turn();
    await harness.crash();
    const next = await started({ store: harness.store, scripted: harness.sinks });
    expect([next.source.next, next.sum]).toEqual([3, 6]);
    while (next.source.next < 5) await next.turn();
    await next.settle(next.coordinator.stop());
    expect(next.sink('left').visible).toEqual([1, 2, 3, 4, 5]);
    expect(next.sum).toBe(15);
  });

  test('writes statuses and sink epochs as they become true', async () => {
    const harness = await started({ sinks: { left: 'durable', log: 'at-least-once' } });
    const told: unknown[] = [];
    for (let round = 0; round < 2; round++) {
      await harness.turn();
      await harness.checkpoint();
    }
    for (const call of harness.log) {
      if (call.kind !== 'saved' || call.manifest.sinkNames.length === 0) continue;
      const { sinkCommitStatuses: statuses, sinkEpochs, epoch } = call.manifest;
      const kinds = [...statuses].map(([sink, { kind }]) => `${sink} ${kind}`).sort();
      const last = sinkEpochs.get('left');
      told.push([call.how, ...kinds, last === undefined ? 'never' : last - epoch]);
    }
    expect(told.slice(-4)).toEqual([
      ['save', 'left pending', 'log committed', 'never'],
      ['update', 'left committed', 'log committed', 0],
      ['save', 'left pending', 'log committed', -1],
      ['update', 'left committed', 'log committed', 0],
    ]);
  });

  test('a safe point at which nothing is due gives the same answer without a new one', async () => {
    const harness = await started();
    for (let point = 0; point < 3; point += 1) await harness.coordinator.safePoint();
    const first = harness.coordinator.safePoint();
    expect(harness.coordinator.safePoint()).toBe(first);
    expect((await first).kind).toBe('continue');
  });

  test('refuses a second loop at a safe point', async () => {
    const harness = await started();
    await harness.turn();
    void harness.coordinator.checkpoint();
    harness.source.position = () => never() as never;
    const first = harness.coordinator.safePoint();
    await expect(harness.coordinator.safePoint()).rejects.toMatchObject({
      code: 'TIDEGATE_LIFECYCLE',
    });
    expect((await harness.settle(first)).kind).toBe('continue');
  });
});

describe('triggers', () => {
  test('the interval counts from the end of the last attempt, with a pause at least', async () => {
    const harness = await started({ checkpoint: { intervalMs: 1_000, minPauseMs: 1_500 } });
    await harness.turn();
    await harness.clock.advance(1_499);
    await harness.turn();
    expect(completedCount(harness)).toBe(0);
    await harness.clock.advance(1);
    await harness.turn();
    await harness.clock.settle();
    expect(completedCount(harness)).toBe(1);
  });

  test('nothing new, no attempt; a savepoint is taken all the same', async () => {
    const harness = await started();
    await harness.turn();
    await harness.checkpoint();
    expect(await harness.checkpoint()).toMatchObject({ kind: 'skipped', why: 'idle' });
    const asked = harness.coordinator.savepoint('before the upgrade');
    await harness.settle(harness.coordinator.safePoint());
    expect((await harness.settle(asked)).kind).toBe('completed');
    const saved = harness.log.findLast((call) => call.kind === 'saved');
    if (saved?.kind !== 'saved') throw new Error('nothing was saved');
    expect(saved.manifest.tidegate).toMatchObject({
      kind: 'savepoint',
      label: 'before the upgrade',
    });
  });

  test('with skipWhenIdle off a checkpoint is taken although nothing is new', async () => {
    const harness = await started({ checkpoint: { skipWhenIdle: false } });
    expect((await harness.checkpoint()).kind).toBe('completed');
  });

  test('requests that wait for the same cut share it and say so', async () => {
    const harness = await started();
    await harness.turn();
    const asked = [harness.coordinator.checkpoint(), harness.coordinator.savepoint('kept')];
    await harness.settle(harness.coordinator.safePoint());
    const outcomes = await harness.settle(Promise.all(asked));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['completed', 'completed']);
    expect(outcomes.map(({ isCoalesced }) => isCoalesced)).toEqual([false, true]);
    expect(completedCount(harness)).toBe(1);
  });

  test('a request after the cut gets a cut of its own', async () => {
    const harness = await started({ checkpoint: { skipWhenIdle: false } });
    await harness.turn();
    const first = harness.coordinator.checkpoint();
    await harness.coordinator.safePoint();
    const second = harness.coordinator.checkpoint();
    const one = await harness.settle(first);
    await harness.settle(harness.coordinator.safePoint());
    const other = await harness.settle(second);
    if (one.kind !== 'completed' || other.kind !== 'completed') throw new Error('not completed');
    expect(other.checkpointId).not.toBe(one.checkpointId);
  });

  test('a request made while recovery waits is served at the safe point that rewinds', async () => {
    const harness = await started();
    await harness.turn();
    harness.sink('left').next('preCommit', fails());
    expect((await harness.checkpoint()).kind).toBe('failed');
    const asked = harness.coordinator.checkpoint();
    const before = harness.clock.monotonicMs();
    expect((await harness.turn()).kind).toBe('rewound');
    expect((await harness.settle(asked)).kind).toBe('skipped');
    expect(harness.clock.monotonicMs()).toBe(before);
  });

  test('an interval that passes while a caller waits is served although the caller gives up', async () => {
    const checkpoint = { intervalMs: 1_000, timeouts: { alignmentMs: 700 } };
    const harness = await started({ checkpoint });
    await harness.turn();
    await harness.clock.advance(600);
    const asked = harness.coordinator.checkpoint();
    // The loop is busy: the interval passes, then the patience of the one who asked.
    await harness.clock.advance(800);
    expect((await harness.settle(asked)).kind).toBe('abandoned');
    for (const expected of [1, 2]) {
      await harness.clock.advance(1_000);
      await harness.turn();
      await harness.clock.settle();
      expect(completedCount(harness)).toBe(expected);
    }
  });

  test('who joins a request that the interval made does not take it away by giving up', async () => {
    const checkpoint = { intervalMs: 1_000, timeouts: { alignmentMs: 700 } };
    const harness = await started({ checkpoint });
    await harness.turn();
    await harness.clock.advance(1_100);
    const asked = harness.coordinator.checkpoint();
    await harness.clock.advance(800);
    expect((await harness.settle(asked)).kind).toBe('abandoned');
    await harness.turn();
    await harness.clock.settle();
    expect(completedCount(harness)).toBe(1);
  });

  test('one who gives up does not end the wait of those who came later', async () => {
    const harness = await started({ checkpoint: { timeouts: { alignmentMs: 700 } } });
    await harness.turn();
    const early = harness.coordinator.savepoint('not wanted');
    await harness.clock.advance(600);
    const late = harness.coordinator.checkpoint();
    await harness.clock.advance(200);
    expect((await harness.settle(early)).kind).toBe('abandoned');
    await harness.turn();
    expect((await harness.settle(late)).kind).toBe('completed');
    const saved = harness.log.findLast((call) => call.kind === 'saved');
    if (saved?.kind !== 'saved') throw new Error('nothing was saved');
    // A savepoint is kept until a person deletes it: no caller wants this one.
    expect(saved.manifest.tidegate?.kind).toBe('checkpoint');
  });

  test('a request that no safe point serves ends with the bound of step 1', async () => {
    const harness = await started({ checkpoint: { timeouts: { alignmentMs: 700 } } });
    await harness.turn();
    const outcome = await harness.settle(harness.coordinator.checkpoint());
    expect(outcome).toMatchObject({
      kind: 'abandoned',
      cause: { kind: 'timed-out', afterMs: 700 },
    });
  });
});

describe('a failure between a wait and the look that follows it', () => {
  const moments = Array.from({ length: 40 }, (_, microtasks) => microtasks);

  async function pass(microtasks: number): Promise<void> {
    for (let passed = 0; passed < microtasks; passed++) await Promise.resolve();
  }

  test.each(moments)('a safe point is only late: after %i microtasks', async (microtasks) => {
    const harness = await started();
    await harness.turn();
    let lose = (): void => undefined;
    const lost = new Promise<void>((_, reject) => (lose = () => reject(new Error('lost'))));
    harness.sink('left').next('write', () => lost);
    void harness.coordinator.sinks.left?.write([2]);
    await harness.clock.settle();
    void harness.coordinator.checkpoint();
    const point = harness.coordinator.safePoint();
    await pass(microtasks);
    lose();
    const { kind } = await harness.settle(point);
    if (kind === 'continue') await harness.settle(harness.coordinator.safePoint());
    expect(harness.coordinator.status()).toMatchObject({ phase: 'running', generation: 2 });
  });

  test.each(moments)('a stop waits for the recovery: after %i microtasks', async (microtasks) => {
    const port = new ManualPort();
    port.onInject = (barrier, listener) => {
      passEverything(barrier, listener, { next: 0, sinks: ['left', 'right'] });
    };
    const harness = new Harness({ more: { barriers: port } });
    await harness.start();
    let phase: string | undefined;
    port.onResume = (flow) => {
      if (port.flows.length !== 2) return;
      void pass(microtasks).then(async () => {
        flow.failed?.(new Error('again'));
        await Promise.resolve();
        ({ phase } = harness.coordinator.status());
      });
    };
    port.flows[0]?.failed?.(new Error('once'));
    await Promise.resolve();
    const stopped = harness.settle(harness.coordinator.stop());
    // Only a failure under the final checkpoint itself is one of the stop.
    const error = await stopped.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error !== undefined) expect(phase).toMatch(/^(draining|stopped)$/);
  });
});

describe('the end', () => {
  test('a stop before the first record has nothing to commit', async () => {
    const harness = new Harness();
    const starting = expect(harness.coordinator.start()).rejects.toMatchObject({
      code: 'TIDEGATE_RECOVERY_ABORTED',
    });
    await harness.settle(harness.coordinator.stop());
    await starting;
    expect(harness.coordinator.status()).toMatchObject({ phase: 'stopped', cause: undefined });
  });

  test('a stop while recovery waits says what it waited for', async () => {
    const harness = new Harness();
    // As with files: the reason must not be gone by then.
    harness.faults.beforeClose = async () => {
      for (let turns = 0; turns < 50; turns += 1) await Promise.resolve();
    };
    harness.faults.before = () => {
      throw new TidegateError('TIDEGATE_STORE_FULL', 'no room in /checkpoints');
    };
    const { coordinator } = harness;
    const waiting = new Promise<unknown>((resolve) => {
      coordinator.events.once('recovery-waiting', ({ error }) => resolve(error));
    });
    const starting = expect(coordinator.start()).rejects.toMatchObject({
      code: 'TIDEGATE_RECOVERY_ABORTED',
      message: expect.stringContaining(
        '; recovery was waiting: no room in /checkpoints',
      ) as unknown,
      cause: { code: 'TIDEGATE_STORE_FULL' },
    });
    expect(await harness.settle(waiting)).toMatchObject({ code: 'TIDEGATE_STORE_FULL' });
    expect(coordinator.status()).toMatchObject({
      phase: 'recovering',
      lastProblem: { code: 'TIDEGATE_STORE_FULL' },
    });
    await harness.settle(coordinator.stop());
    await starting;
  });

  test('each failed try of a recovery in process is reported, until one comes through', async () => {
    const harness = await started();
    const { coordinator } = harness;
    const problems: unknown[] = [];
    coordinator.events.on('recovery-waiting', () => {
      problems.push(coordinator.status().lastProblem);
      if (problems.length === 2) harness.faults.beforeNextGeneration = undefined;
    });
    harness.faults.beforeNextGeneration = () => {
      throw new TidegateError('TIDEGATE_STORE_IO', 'the disk is away');
    };
    harness.sink('left').next('preCommit', fails());
    await harness.turn();
    await harness.checkpoint();
    await harness.turn();
    expect(problems).toMatchObject([{ code: 'TIDEGATE_STORE_IO' }, { code: 'TIDEGATE_STORE_IO' }]);
    await harness.turn();
    expect((await harness.checkpoint()).kind).toBe('completed');
    expect(coordinator.status().lastProblem).toBeUndefined();
  });

  test('what a recovery waited for is no problem once it has ended', async () => {
    const harness = new Harness();
    harness.sink('left').next('open', fails());
    await harness.start();
    expect(harness.names()).toContain('recovery-waiting');
    expect(harness.coordinator.status().lastProblem).toBeUndefined();
  });

  test('stops with a final checkpoint for the last records', async () => {
    const harness = await started();
    await harness.turn();
    await harness.settle(harness.coordinator.stop());
    expect(harness.sink('left').visible).toEqual([1]);
    expect(harness.coordinator.status().phase).toBe('stopped');
    await harness.coordinator.done;
    await expect(harness.coordinator.safePoint()).rejects.toMatchObject({
      code: 'TIDEGATE_LIFECYCLE',
    });
  });

  test('waits for an attempt that is under way, then takes the tail', async () => {
    const harness = await started();
    await harness.turn();
    const asked = harness.coordinator.checkpoint();
    await harness.turn();
    await harness.settle(harness.coordinator.stop());
    expect((await asked).kind).toBe('completed');
    expect(harness.sink('left').visible).toEqual([1, 2]);
  });

  test('says so when the last records could not be committed; the next start takes them', async () => {
    const harness = await started();
    await harness.turn();
    harness.sink('left').next('preCommit', fails());
    const stopped = await harness
      .settle(harness.coordinator.stop())
      .catch((error: unknown) => error);
    expect(stopped).toMatchObject({ code: 'TIDEGATE_FINAL_CHECKPOINT' });
    expect(harness.sink('left').visible).toEqual([]);
    const next = await started({ store: harness.store, scripted: harness.sinks });
    await next.turn();
    await next.settle(next.coordinator.stop());
    expect(next.sink('left').visible).toEqual([1]);
  });

  test.each([
    ['an abort', (_harness: Harness, controller: AbortController) => controller.abort()],
    ['a dispose', (harness: Harness) => void harness.coordinator[Symbol.asyncDispose]()],
  ])('%s during the final checkpoint is no success: stop() and done say so', async (_how, end) => {
    const controller = new AbortController();
    const harness = await started({ more: { signal: controller.signal } });
    await harness.turn();
    harness.sink('left').next('preCommit', never);
    const stopped = harness.coordinator.stop();
    await harness.clock.settle();
    expect(harness.coordinator.status().phase).toBe('draining');
    end(harness, controller);
    for (const end of [stopped, harness.coordinator.done]) {
      await expect(harness.settle(end)).rejects.toMatchObject({
        code: 'TIDEGATE_FINAL_CHECKPOINT',
      });
    }
    expect(harness.coordinator.status()).toMatchObject({
      phase: 'stopped',
      cause: { code: 'TIDEGATE_FINAL_CHECKPOINT' },
    });
    expect(harness.sink('left').visible).toEqual([]);
  });

  test('leaving a block by an exception commits nothing of the batch in hand', async () => {
    const harness = await started();
    await harness.turn();
    await harness.settle(harness.coordinator[Symbol.asyncDispose]());
    expect(harness.sink('left').visible).toEqual([]);
    expect(harness.coordinator.status().phase).toBe('stopped');
  });

  test('an abort ends everything at once, also in the middle of an attempt', async () => {
    const controller = new AbortController();
    const harness = await started({ more: { signal: controller.signal } });
    await harness.turn();
    harness.sink('left').next('preCommit', never);
    const asked = harness.coordinator.checkpoint();
    await harness.coordinator.safePoint();
    await harness.clock.settle();
    controller.abort();
    expect((await harness.settle(asked)).kind).toBe('failed');
    await harness.settle(harness.coordinator.done);
    expect(harness.clock.timerCount).toBe(0);
  });

  test('leaves no timer behind', async () => {
    const harness = await started({ checkpoint: { intervalMs: 1_000 } });
    await harness.turn();
    await harness.settle(harness.coordinator.stop());
    expect(harness.clock.timerCount).toBe(0);
  });
});

describe('a development check', () => {
  test('fails with the name of the operator whose snapshot changes after the capture', async () => {
    const live = new Uint8Array([1, 2, 3]);
    const aliasing = {
      capture: () => ({ encode: () => live }),
      restore: () => undefined,
      reset: () => undefined,
    };
    const harness = await started({
      checkpoint: { checkStateAliasing: true },
      more: { operators: { leaky: aliasing } },
    });
    await harness.turn();
    const asked = harness.coordinator.checkpoint();
    harness.faults.after = () => void (live[0] = 9);
    await harness.settle(harness.coordinator.safePoint());
    await harness.settle(asked);
    const { phase, cause } = harness.coordinator.status();
    expect(phase).toBe('halted');
    expect(String(cause)).toContain('operator leaky');
  });
});
