// Time behind a port: the only place where the system's clock and timers are read.

/** A timer that was set; cancelling it twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
  /** Lets the process end although the timer is set. Clocks without a process leave it out. */
  unref?(): void;
}

/** Where time comes from. Tests and the simulation give their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump, also backwards: for people, never for deadlines. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes backwards. For durations and deadlines. */
  monotonicMs(): number;
  /** Calls back once, `delayMs` or more from now. */
  setTimer(callback: () => void, delayMs: number): Timer;
}

/** The last moment that a `Date` can hold: what is later could be recorded and never be shown. */
const latestDateMs = 8.64e15;

/**
 * The time to write down: whole milliseconds from 1 on. A clock that stands before 1970, or that gives
 * no number, gives 1: a recorded time is for people, and no pipeline stops for it.
 */
export function recordedTimeMs(clock: Pick<Clock, 'now'>): number {
  const nowMs = Math.trunc(clock.now());
  return nowMs >= 1 ? Math.min(nowMs, latestDateMs) : 1;
}

/** What is wrong with the time that a clock gives; undefined for every believable one. */
export function clockProblem(clock: Pick<Clock, 'now'>): string | undefined {
  const nowMs = clock.now();
  if (nowMs >= 1 && nowMs <= latestDateMs) return undefined;
  return (
    `the clock gives ${nowMs} ms since 1970, and ${recordedTimeMs(clock)} is recorded instead: ` +
    'set the time of this machine'
  );
}

/** The system's clock. Its timers keep the process alive while something waits for them. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(callback, delayMs) {
    let leftMs = delayMs;
    let isUnref = false;
    let timeout: NodeJS.Timeout;
    // A longer time than Node can wait for is waited for in parts: a bound must not come early.
    const arm = (): void => {
      const partMs = Math.min(leftMs, maxTimerMs);
      leftMs -= partMs;
      timeout = setTimeout(leftMs > 0 ? arm : callback, partMs);
      if (isUnref) timeout.unref();
    };
    arm();
    return {
      cancel: () => clearTimeout(timeout),
      unref: () => {
        isUnref = true;
        timeout.unref();
      },
    };
  },
};

/** Node fires at once for anything longer than a signed 32-bit number of milliseconds (24.8 days). */
const maxTimerMs = 2 ** 31 - 1;
