// Sharing the event loop: work of more than a few milliseconds yields.

import type { Clock } from '../../runtime/clock.js';
import { yieldToEventLoop } from '../../runtime/event-loop.js';

/** Looks at the clock cost more than small pieces of work, and a simulated clock may stand still. */
const maxLooks = 64;

/** One for all readers of a dataflow; another for each state that is being encoded. */
export class TimeSlice {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  #startedAtMs: number;
  #looks = 0;

  constructor(clock: Clock, sliceMs: number) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#startedAtMs = clock.monotonicMs();
  }

  /** Whether others should have their turn. */
  isSpent(): boolean {
    this.#looks += 1;
    if (this.#looks >= maxLooks) return true;
    return this.#clock.monotonicMs() - this.#startedAtMs >= this.#sliceMs;
  }

  /** Lets everything run that is ready: timers, I/O, readers, encoders. */
  async pass(): Promise<void> {
    await yieldToEventLoop();
    this.#looks = 0;
    this.#startedAtMs = this.#clock.monotonicMs();
  }
}
