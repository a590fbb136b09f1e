// The system's clock, on timers of a test: nobody waits for a month here.

import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { systemClock } from 'tidegate/extend';
import { clockProblem, recordedTimeMs } from '../../src/runtime/clock.js';

const dayMs = 24 * 60 * 60 * 1_000;

describe('a timer of the system', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test.each([0, 1, 1_000, 24 * dayMs, 25 * dayMs, 100 * dayMs])(
    'of %i ms fires once, then and not before',
    (delayMs) => {
      const fired = jest.fn();
      systemClock.setTimer(fired, delayMs);
      jest.advanceTimersByTime(Math.max(0, delayMs - 1));
      expect(fired).toHaveBeenCalledTimes(delayMs === 0 ? 1 : 0);
      jest.advanceTimersByTime(1);
      jest.advanceTimersByTime(100 * dayMs);
      expect(fired).toHaveBeenCalledTimes(1);
    },
  );

  test('of a hundred days can be cancelled after fifty, and keeps no process alive then', () => {
    const fired = jest.fn();
    const timer = systemClock.setTimer(fired, 100 * dayMs);
    timer.unref?.();
    jest.advanceTimersByTime(50 * dayMs);
    timer.cancel();
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(100 * dayMs);
    expect(fired).not.toHaveBeenCalled();
  });
});

describe('a time that is written down', () => {
  test.each([
    [1_700_000_000_000.9, 1_700_000_000_000],
    [1, 1],
    [253_402_300_800_000, 253_402_300_800_000],
    [8.64e15, 8.64e15],
  ])('is that of a believable clock, in whole milliseconds: %p', (nowMs, recorded) => {
    const clock = { now: () => nowMs };
    expect(recordedTimeMs(clock)).toBe(recorded);
    expect(clockProblem(clock)).toBeUndefined();
  });

  test.each([
    [-86_400_000, 1],
    [0, 1],
    [0.5, 1],
    [NaN, 1],
    [-Infinity, 1],
    [Infinity, 8.64e15],
    [2 ** 60, 8.64e15],
  ])('is the nearest that can be recorded, and the clock is reported: %p', (nowMs, recorded) => {
    const clock = { now: () => nowMs };
    expect(recordedTimeMs(clock)).toBe(recorded);
    expect(clockProblem(clock)).toContain(`${nowMs} ms since 1970, and ${recorded} is recorded`);
    expect(clockProblem(clock)).toContain('set the time of this machine');
  });
});
