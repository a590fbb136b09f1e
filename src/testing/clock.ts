// A clock for tests: time stands still until it is moved, and what is ready always runs first.

import { completeOptions, whole } from '../options.js';
import type { Clock, Timer } from '../runtime/clock.js';
import { yieldToEventLoop } from '../runtime/event-loop.js';

interface SetTimer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Options of a `SimulatedClock`. */
export interface SimulatedClockOptions {
  /** What `now()` says at first, milliseconds since the Unix epoch. Default some day in 2026. */
  readonly startMs?: number;
}

const someDayMs = 1_767_225_600_000;

const clockTable = { startMs: whole({ unit: 'milliseconds' }, someDayMs) };

/** Without a timer work may go on for some turns of the event loop: a busy loop gives turns away. */
const maxIdleTurns = 16;

/** Timers that are due together run in the order in which they were set. */
export class SimulatedClock implements Clock {
  readonly #startMs: number;
  /** Sorted by due time, the next one last, so that it is taken without moving the others. */
  readonly #timers: SetTimer[] = [];
  #elapsedMs = 0;

  constructor(options: SimulatedClockOptions = {}) {
    this.#startMs = completeOptions('a SimulatedClock', options, clockTable).startMs;
  }

  /** Timers that are set and have not run. */
  get timerCount(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), callback };
    let index = this.#timers.length;
    while (index > 0 && (this.#timers[index - 1]?.dueMs ?? Infinity) <= timer.dueMs) index -= 1;
    this.#timers.splice(index, 0, timer);
    return {
      cancel: () => {
        const found = this.#timers.indexOf(timer);
        if (found >= 0) this.#timers.splice(found, 1);
      },
    };
  }

  /** Jumps to the next timer and runs it; false when none is set. Runs nothing else. */
  runNextTimer(): boolean {
    const timer = this.#timers.pop();
    if (timer === undefined) return false;
    this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueMs);
    timer.callback();
    return true;
  }

  /** Lets everything run that waits for no timer. */
  async settle(): Promise<void> {
    await yieldToEventLoop();
  }

  /** Moves time on by `durationMs`, through every timer on the way. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#elapsedMs + durationMs;
    await this.settle();
    for (
      let next = this.#timers.at(-1);
      next && next.dueMs <= untilMs;
      next = this.#timers.at(-1)
    ) {
      this.runNextTimer();
      await this.settle();
    }
    this.#elapsedMs = untilMs;
  }

  /**
   * Moves time on from timer to timer until `work` settles, and gives what it settles with.
   *
   * @throws Error when it waits for something that no timer will bring.
   */
  async until<Value>(
    work: Promise<Value>,
    options: { readonly maxTimers?: number } = {},
  ): Promise<Value> {
    const progress = { hasSettled: false };
    const settled = (): void => {
      progress.hasSettled = true;
    };
    work.then(settled, settled);
    await this.settle();
    let ran = 0;
    for (let idleTurns = 0; !progress.hasSettled;) {
      if (ran >= (options.maxTimers ?? 10_000) || idleTurns >= maxIdleTurns) {
        throw new Error(`still waiting after ${ran} timers: it hangs`);
      }
      const hasRun = this.runNextTimer();
      ran += hasRun ? 1 : 0;
      idleTurns = hasRun ? 0 : idleTurns + 1;
      await this.settle();
    }
    return work;
  }
}
