// Simulated time: it stands still while anything runs, then jumps to the next timer.

import type { Clock, Timer } from '../../runtime/clock.js';

interface SetTimer {
  readonly dueMs: number;
  /** Timers that are due together run in the order in which they were set. */
  readonly order: number;
  readonly callback: () => void;
}

/** A clock for a whole run, shared by its lives. */
export class Timeline implements Clock {
  /** Some day in 2026, so that timestamps look like timestamps. */
  static readonly #startMs = 1_767_225_600_000;
  readonly #timers = new Set<SetTimer>();
  #elapsedMs = 0;
  #order = 0;

  now(): number {
    return Timeline.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    this.#order += 1;
    const timer: SetTimer = {
      dueMs: this.#elapsedMs + Math.max(0, delayMs),
      order: this.#order,
      callback,
    };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Jumps to the next timer and runs it; false when none is set. */
  advance(): boolean {
    let next: SetTimer | undefined;
    for (const timer of this.#timers) if (next === undefined || isBefore(timer, next)) next = timer;
    if (next === undefined) return false;
    this.#timers.delete(next);
    this.#elapsedMs = next.dueMs;
    next.callback();
    return true;
  }
}

function isBefore(one: SetTimer, other: SetTimer): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
