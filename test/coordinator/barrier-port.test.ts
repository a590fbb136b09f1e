// A dataflow behind the barrier port: reports that are late, doubled, or of another attempt.

import { describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import type { CoordinatorEventSource, CoordinatorOptions } from 'tidegate';
import type { BarrierPort, Durability, Flow } from 'tidegate/extend';
import { Harness } from './support/harness.js';
import { ManualPort, passEverything, snapshotOf } from './support/manual-port.js';
import { never } from './support/scripted-sink.js';

const sinkNames = ['left', 'right'];

function withPort(
  port: ManualPort,
  sinks: Readonly<Record<string, Durability>> = { left: 'durable', right: 'durable' },
  more: Partial<CoordinatorOptions> = {},
  checkpoint: CoordinatorOptions['checkpoint'] = {},
): Harness {
  return new Harness({ sinks, checkpoint, more: { barriers: port, ...more } });
}

function dropped(harness: Harness): readonly unknown[] {
  return harness.seen
    .filter(({ name }) => name === 'report-dropped')
    .map(({ fact }) => (fact as { why: string }).why);
}

describe('a dataflow behind the port', () => {
  test('is resumed with writers before any barrier, and takes a checkpoint', async () => {
    const port = new ManualPort();
    port.onInject = (barrier, listener) => {
      passEverything(barrier, listener, { next: 3, sinks: sinkNames });
    };
    const harness = withPort(port);
    await harness.start();
    expect(port.flows.length).toBe(1);
    await port.write([1, 2, 3]);
    const outcome = await harness.settle(harness.coordinator.checkpoint());
    expect(outcome.kind).toBe('completed');
    expect(harness.sink('left').visible).toEqual([1, 2, 3]);
  });

  test('a barrier that never arrives is cancelled, and its reports are dropped when they come', async () => {
    const port = new ManualPort();
    const harness = withPort(port);
    await harness.start();
    const outcome = await harness.settle(harness.coordinator.checkpoint());
    expect(outcome).toMatchObject({ kind: 'abandoned', cause: { kind: 'timed-out' } });
    const first = port.injected[0]!;
    expect(port.cancelled).toEqual([first.barrier]);
    passEverything(first.barrier, first.listener, { next: 1, sinks: sinkNames });
    expect(dropped(harness)).toEqual(['late', 'late', 'late', 'late']);
    expect(harness.coordinator.status().droppedReports).toBe(4);
  });

  test('a late barrier of the same epoch does not count for the next attempt', async () => {
    const port = new ManualPort();
    const harness = withPort(port);
    await harness.start();
    await harness.settle(harness.coordinator.checkpoint());
    const asked = harness.coordinator.checkpoint();
    await harness.clock.settle();
    const [first, second] = [port.injected[0]!, port.injected[1]!];
    expect(second.barrier.epoch).toBe(first.barrier.epoch);
    passEverything(first.barrier, second.listener, { next: 1, sinks: sinkNames });
    expect(dropped(harness)).toEqual(Array(4).fill('other-attempt'));
    passEverything(second.barrier, second.listener, { next: 2, sinks: sinkNames });
    const outcome = await harness.settle(asked);
    expect(outcome.kind).toBe('completed');
    const saved = harness.log.findLast((call) => call.kind === 'saved');
    if (saved?.kind !== 'saved') throw new Error('nothing was saved');
    expect(saved.manifest.sourceOffsets.get('numbers')?.offsets.get('next')).toBe('2');
  });

  test('a report that comes twice counts once; the doubled snapshot is given back', async () => {
    const port = new ManualPort();
    const harness = withPort(port);
    await harness.start();
    const asked = harness.coordinator.checkpoint();
    await harness.clock.settle();
    const { barrier, listener } = port.injected[0]!;
    const kept = snapshotOf(new Uint8Array([49]));
    const doubled = snapshotOf(new Uint8Array([50]));
    listener.operatorReached(barrier, 'sum', kept);
    listener.operatorReached(barrier, 'sum', doubled);
    listener.sinkReached(barrier, 'left');
    listener.sinkReached(barrier, 'left');
    listener.sourceReached(barrier, 'numbers', { offsets: { next: '1' } });
    listener.sourceReached(barrier, 'numbers', { offsets: { next: '9' } });
    listener.sinkReached(barrier, 'right');
    expect((await harness.settle(asked)).kind).toBe('completed');
    expect(dropped(harness)).toEqual(['repeated', 'repeated', 'repeated']);
    expect([kept.released, doubled.released]).toEqual([1, 1]);
  });

  test('a report for something that is not registered abandons the attempt', async () => {
    const port = new ManualPort();
    port.onInject = (barrier, listener) => listener.sinkReached(barrier, 'stranger');
    const harness = withPort(port);
    await harness.start();
    const outcome = await harness.settle(harness.coordinator.checkpoint());
    expect(outcome).toMatchObject({ kind: 'abandoned', cause: { kind: 'failed' } });
  });

  test('records behind the barrier are in the next epoch, also while the sink prepares', async () => {
    const port = new ManualPort();
    let next = 0;
    port.onInject = (barrier, listener) => {
      passEverything(barrier, listener, { next, sinks: sinkNames });
      // The barrier has just passed: these are records of the next epoch.
      void port.write([100 + next]);
    };
    const harness = withPort(port);
    await harness.start();
    await port.write([1]);
    next = 1;
    await harness.settle(harness.coordinator.checkpoint());
    expect(harness.sink('left').visible).toEqual([1]);
    next = 2;
    await harness.settle(harness.coordinator.checkpoint());
    expect(harness.sink('left').visible).toEqual([1, 101]);
  });

  test.each([
    ['durable', true],
    ['last-resource', false],
  ] as const)('a %s sink takes the next epoch while it commits: %s', async (durability, takes) => {
    const port = new ManualPort();
    port.onInject = (barrier, listener) => {
      passEverything(barrier, listener, { next: 1, sinks: ['left'] });
    };
    const harness = withPort(port, { left: durability });
    await harness.start();
    await port.write([1]);
    let written = 0;
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    harness.sink('left').next('commit', () => held);
    harness.sink('left').next('write', () => void (written += 1));
    const asked = harness.coordinator.checkpoint();
    await harness.clock.settle();
    await port.write([2]);
    await harness.clock.settle();
    expect(written > 0).toBe(takes);
    release();
    expect((await harness.settle(asked)).kind).toBe('completed');
    await harness.clock.settle();
    expect(written).toBe(1);
  });

  test('held-back records make the writer wait above its bound, and go on afterwards', async () => {
    const port = new ManualPort();
    port.onInject = (barrier, listener) => {
      passEverything(barrier, listener, { next: 1, sinks: ['left'] });
    };
    const harness = withPort(port, { left: 'last-resource' }, {}, { maxQueuedRecords: 3 });
    await harness.start();
    let release: () => void = () => undefined;
    harness.sink('left').next('commit', () => new Promise<void>((resolve) => (release = resolve)));
    const asked = harness.coordinator.checkpoint();
    await harness.clock.settle();
    let hasRoom = false;
    await port.write([2, 3]);
    const waiting = port.write([4, 5]).then(() => (hasRoom = true));
    await harness.clock.settle();
    expect(hasRoom).toBe(false);
    release();
    await harness.settle(asked);
    await harness.settle(waiting);
    expect((await harness.settle(harness.coordinator.checkpoint())).kind).toBe('completed');
    expect(harness.sink('left').visible).toEqual([2, 3, 4, 5]);
  });

  test('a generation that fails before its final attempt begins: stop() says of what', async () => {
    const port = new ManualPort();
    const asking = Object.assign(port, { hasNews: never as () => Promise<never> });
    const harness = new Harness({ more: { barriers: asking } });
    await harness.start();
    const stopped = harness.coordinator.stop();
    await harness.clock.settle();
    port.flows[0]?.failed?.(new Error('the input is gone'));
    await expect(harness.settle(stopped)).rejects.toMatchObject({
      code: 'TIDEGATE_FINAL_CHECKPOINT',
      cause: { message: 'the input is gone' },
    });
  });

  test.each([
    [
      'throws',
      (_flow: Flow): void => {
        throw new Error('no room');
      },
    ],
    ['reports a failure before it returns', ({ failed }: Flow) => failed?.(new Error('no room'))],
  ])('a resume that %s is recovered from', async (_how, onResume) => {
    const port = new ManualPort();
    port.onInject = (barrier, listener) => {
      passEverything(barrier, listener, { next: 1, sinks: sinkNames });
    };
    port.onResume = (flow) => {
      if (port.flows.length < 3) onResume(flow);
    };
    const harness = withPort(port);
    await harness.start();
    await harness.clock.settle();
    expect(port.flows).toHaveLength(3);
    const { phase, failuresInARow } = harness.coordinator.status();
    expect({ phase, failuresInARow }).toEqual({ phase: 'running', failuresInARow: 2 });
    expect((await harness.settle(harness.coordinator.checkpoint())).kind).toBe('completed');
    await harness.settle(harness.coordinator.stop());
  });

  test('a resume that throws each time halts with what it threw', async () => {
    const port = new ManualPort();
    port.onResume = () => {
      throw new Error('no room');
    };
    const harness = withPort(port);
    await harness.settle(harness.coordinator.start().catch(() => undefined));
    const done = harness.settle(harness.coordinator.done);
    await expect(done).rejects.toMatchObject({ code: 'TIDEGATE_HALTED', message: /no room/ });
  });

  test('what a past flow reports does not end the generation that follows', async () => {
    const port = new ManualPort();
    const harness = withPort(port);
    await harness.start();
    port.flows[0]?.failed?.(new Error('once'));
    await harness.clock.settle();
    port.flows[0]?.failed?.(new Error('and again, late'));
    await harness.clock.settle();
    expect(port.flows).toHaveLength(2);
    expect(harness.coordinator.status().phase).toBe('running');
  });

  test('an attempt whose start ends the coordinator injects no barrier', async () => {
    const port = new ManualPort();
    const controller = new AbortController();
    const harness = withPort(port, undefined, { signal: controller.signal });
    await harness.start();
    harness.coordinator.events.on('attempt-started', () => controller.abort());
    const outcome = await harness.settle(harness.coordinator.checkpoint());
    expect(outcome).toMatchObject({ kind: 'abandoned', cause: { kind: 'cancelled' } });
    expect(port.injected).toEqual([]);
    expect(harness.names().slice(-2)).toContain('checkpoint-abandoned');
  });

  test('an attempt whose machine breaks names the step in which it did', async () => {
    const harness = new Harness();
    await harness.start();
    await harness.turn();
    // The bound of step 1 is set, the one of step 2 cannot be.
    const { clock } = harness;
    const setTimer = clock.setTimer.bind(clock);
    clock.setTimer = (callback, delayMs) => {
      if (delayMs === 120_000) throw new Error('no timer');
      return setTimer(callback, delayMs);
    };
    const asked = harness.coordinator.checkpoint();
    await harness.coordinator.safePoint();
    const outcome = await harness.settle(asked);
    expect(outcome).toMatchObject({ kind: 'failed', cause: { step: 'snapshot' } });
    Reflect.deleteProperty(clock, 'setTimer');
  });

  test('a life that breaks in the middle of a step halts with what broke it', async () => {
    const port = new ManualPort();
    const harness = withPort(port);
    port.onResume = () => {
      harness.clock.monotonicMs = () => {
        Reflect.deleteProperty(harness.clock, 'monotonicMs');
        throw new Error('no idea what time it is');
      };
    };
    const started = harness.settle(harness.coordinator.start());
    await expect(started).rejects.toMatchObject({ code: 'TIDEGATE_HALTED', message: /no idea/ });
    await expect(harness.coordinator.stop()).rejects.toMatchObject({ code: 'TIDEGATE_HALTED' });
    expect(harness.coordinator.status().phase).toBe('halted');
  });

  test('an end that cannot be reported ends all the same', async () => {
    const port = new ManualPort();
    const harness = withPort(port);
    await harness.start();
    const { events } = harness.coordinator as unknown as { events: { emit: () => void } };
    events.emit = () => {
      throw new Error('impossible');
    };
    port.flows[0]?.failed?.(new Error('once'));
    const done = harness.settle(harness.coordinator.done);
    await expect(done).rejects.toBeInstanceOf(Error);
  });

  test('after a recovery the dataflow gets new writers, and the old ones are fenced', async () => {
    const port = new ManualPort();
    port.onInject = (barrier, listener) => {
      passEverything(barrier, listener, { next: 1, sinks: sinkNames });
    };
    const harness = withPort(port);
    await harness.start();
    await port.write([1]);
    harness.sink('left').next('preCommit', never);
    expect((await harness.settle(harness.coordinator.checkpoint())).kind).toBe('failed');
    await harness.clock.settle();
    expect([port.suspendedCount, port.flows.length]).toEqual([1, 2]);
    const old = port.flows[0]!.sinks.get('left')!;
    await expect(old.write([66])).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
    await port.write([2]);
    expect((await harness.settle(harness.coordinator.checkpoint())).kind).toBe('completed');
    expect(harness.sink('left').visible).toEqual([2]);
  });

  test('a report that comes after a recovery is dropped', async () => {
    const port = new ManualPort();
    const harness = withPort(port, undefined, {}, { tolerableFailures: 5 });
    await harness.start();
    const asked = harness.coordinator.checkpoint();
    await harness.clock.settle();
    const old = port.injected[0]!;
    harness.sink('left').next('write', () => Promise.reject(new Error('gone')));
    await port.write([1]);
    await harness.settle(asked);
    await harness.clock.settle();
    expect(port.flows.length).toBe(2);
    passEverything(old.barrier, old.listener, { next: 1, sinks: sinkNames });
    expect(new Set(dropped(harness))).toEqual(new Set(['late']));
  });
});

describe('failures in a row of a dataflow that commits nothing between them', () => {
  const checkpoint = { intervalMs: 1_000, tolerableFailures: 2 };

  /** Lets the newest flow fail five times, `afterMs` after it was resumed. */
  async function phaseAfter(port: BarrierPort & ManualPort, afterMs: number, cause: Error) {
    const harness = new Harness({ checkpoint, more: { barriers: port } });
    await harness.start();
    for (let round = 0; round < 5; round++) {
      await harness.clock.advance(afterMs);
      port.flows.at(-1)?.failed?.(cause);
      await harness.clock.settle();
    }
    return harness.coordinator.status().phase;
  }

  function portWithNews(hasNews: () => boolean): BarrierPort & ManualPort {
    const port = new ManualPort();
    port.onInject = (barrier, listener) => listener.failed(barrier, 'numbers', new Error('busy'));
    return Object.assign(port, { hasNews });
  }

  const lost = new Error('the connection was lost');

  test('are forgotten when everything was committed and stays quiet for an interval', async () => {
    const port = portWithNews(() => false);
    expect(await phaseAfter(port, 5_500, lost)).toBe('running');
  });

  test('halt when there was no time to see whether it stays quiet', async () => {
    const port = portWithNews(() => false);
    // A caller asks again and again, and the first answer after a recovery is that nothing is new.
    port.onResume = () => void harness.coordinator.checkpoint().catch(() => undefined);
    const harness = new Harness({ checkpoint, more: { barriers: port } });
    await harness.start();
    for (let round = 0; round < 5; round++) {
      await harness.clock.advance(500);
      port.flows.at(-1)?.failed?.(lost);
      await harness.clock.settle();
    }
    expect(harness.names()).toContain('checkpoint-skipped');
    expect(harness.coordinator.status().phase).toBe('halted');
  });

  test('halt when it is a record that makes it fail, although it is quiet before', async () => {
    const port = portWithNews(() => false);
    const half = new TidegateError('TIDEGATE_OPERATOR_FAILED', 'sum failed on a record');
    expect(await phaseAfter(port, 5_500, half)).toBe('halted');
  });

  test('halt when something was not committed, although it is quiet before', async () => {
    const port: BarrierPort & ManualPort = portWithNews(() => hasNews);
    let hasNews = false;
    const harness = new Harness({ checkpoint, more: { barriers: port } });
    await harness.start();
    for (let round = 0; round < 5; round++) {
      await harness.clock.advance(5_500);
      hasNews = true;
      port.flows.at(-1)?.failed?.(lost);
      await Promise.resolve();
      hasNews = false;
      await harness.clock.settle();
    }
    expect(harness.names()).toContain('checkpoint-skipped');
    expect(harness.coordinator.status().phase).toBe('halted');
  });
});

describe('events', () => {
  test('a listener that throws or rejects is reported and changes nothing', async () => {
    const errors: unknown[] = [];
    const nothing = (): void => undefined;
    const logger = {
      debug: nothing,
      info: nothing,
      warn: nothing,
      error: (fields: unknown) => errors.push(fields),
    };
    const harness = new Harness({ more: { logger } });
    const events: CoordinatorEventSource = harness.coordinator.events;
    const throwing = (): void => {
      throw new Error('listener');
    };
    // Typed as every listener is; that it gives a promise back is its mistake.
    const later = (() => Promise.reject(new Error('later'))) as () => void;
    events.on('step-started', throwing);
    events.on('checkpoint-completed', later);
    await harness.start();
    await harness.turn();
    expect((await harness.checkpoint()).kind).toBe('completed');
    await harness.clock.settle();
    expect(errors.length).toBe(7);
    events.off('step-started', throwing);
    await harness.turn();
    await harness.checkpoint();
    await harness.clock.settle();
    expect(errors.length).toBe(8);
  });
});
