// Every wait ends: answered, failed, timed out or aborted, and once only.

import { describe, expect, test } from '@jest/globals';
import { seededRandom, systemClock, systemRandom } from 'tidegate/extend';
import type { Clock } from 'tidegate/extend';
import { sleep, withDeadline } from '../../src/runtime/deadline.js';

/** A clock whose timers fire when the test says so. */
function handClock(): Clock & { fire(): void; pending(): number } {
  const timers = new Set<() => void>();
  return {
    now: () => 0,
    monotonicMs: () => 0,
    setTimer(callback) {
      timers.add(callback);
      return { cancel: () => void timers.delete(callback) };
    },
    fire: () =>
      [...timers].forEach((callback) => {
        timers.delete(callback);
        callback();
      }),
    pending: () => timers.size,
  };
}

const never = new Promise<never>(() => undefined);

describe('withDeadline', () => {
  test('gives the answer and leaves no timer behind', async () => {
    const clock = handClock();
    const outcome = await withDeadline({ clock, timeoutMs: 10 }, () => Promise.resolve(5));
    expect(outcome).toEqual({ kind: 'answered', value: 5 });
    expect(clock.pending()).toBe(0);
  });

  test.each([
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws at once',
      () => {
        throw new Error('no');
      },
    ],
  ])('tells when the work %s', async (_how, work) => {
    const outcome = await withDeadline({ clock: handClock(), timeoutMs: 10 }, work);
    expect(outcome).toEqual({ kind: 'failed', error: new Error('no') });
  });

  test('ends at the bound, aborts the work and drops its late answer', async () => {
    const clock = handClock();
    let inner: AbortSignal | undefined;
    let answerLate: ((value: string) => void) | undefined;
    const waiting = withDeadline({ clock, timeoutMs: 10 }, (signal) => {
      inner = signal;
      return new Promise<string>((resolve) => (answerLate = resolve));
    });
    clock.fire();
    answerLate?.('too late');
    expect(await waiting).toEqual({ kind: 'timed-out', afterMs: 10 });
    expect(inner?.aborted).toBe(true);
  });

  test('ends when it is aborted, with the reason, and aborts the work with it', async () => {
    const clock = handClock();
    const outer = new AbortController();
    let inner: AbortSignal | undefined;
    const waiting = withDeadline({ clock, timeoutMs: 10, signal: outer.signal }, (signal) => {
      inner = signal;
      return never;
    });
    outer.abort('enough');
    expect(await waiting).toEqual({ kind: 'aborted', reason: 'enough' });
    expect(inner?.reason).toBe('enough');
    expect(clock.pending()).toBe(0);
  });

  test('does not start the work when it is aborted before', async () => {
    let started = false;
    const outcome = await withDeadline(
      { clock: handClock(), timeoutMs: 10, signal: AbortSignal.abort('over') },
      () => (started = true),
    );
    expect(outcome).toEqual({ kind: 'aborted', reason: 'over' });
    expect(started).toBe(false);
  });
});

describe('sleep', () => {
  test('ends by itself or by the signal, and says which', async () => {
    const clock = handClock();
    const whole = sleep(clock, 5);
    clock.fire();
    expect(await whole).toBe(true);
    const controller = new AbortController();
    const cut = sleep(clock, 5, controller.signal);
    controller.abort();
    expect(await cut).toBe(false);
    expect(await sleep(clock, 5, controller.signal)).toBe(false);
    expect(clock.pending()).toBe(0);
  });
});

describe('the system ports', () => {
  test('a timer fires, a cancelled one does not', async () => {
    const fired: string[] = [];
    systemClock.setTimer(() => fired.push('cancelled'), 0).cancel();
    await new Promise<void>((resolve) => {
      systemClock.setTimer(() => {
        fired.push('kept');
        resolve();
      }, 1);
    });
    expect(fired).toEqual(['kept']);
    expect(systemClock.now()).toBeGreaterThan(1_700_000_000_000);
    expect(systemClock.monotonicMs()).toBeGreaterThan(0);
  });

  test('a very long timer does not fire at once', async () => {
    let fired = false;
    const timer = systemClock.setTimer(() => (fired = true), 2 ** 40);
    await sleep(systemClock, 3);
    timer.cancel();
    expect(fired).toBe(false);
  });

  test('seeded chance is the same for the same seed, and within its range', () => {
    const draw = (seed: number): readonly number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 50 }, () => random.next());
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(3).every((value) => value >= 0 && value < 1)).toBe(true);
    expect(seededRandom(4).bytes(8)).toEqual(seededRandom(4).bytes(8));
    expect(systemRandom.bytes(16)).toHaveLength(16);
    expect(systemRandom.next()).toBeLessThan(1);
  });
});
