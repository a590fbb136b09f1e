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
      const partMs = Math.min(leftMs, longestTimeoutMs);
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
const longestTimeoutMs = 2 ** 31 - 1;
