// Lets the event loop have its turn while a user's loop is busy: timers, heartbeats and I/O go on.

import type { Clock } from '../../runtime/clock.js';
import { yieldToEventLoop } from '../../runtime/event-loop.js';

const sliceMs = 4;

/** The clock is looked at once in so many records at most: a look costs more than a safe point. */
const longestStride = 64;

export class TurnTaking {
  readonly #clock: Clock;
  #startedAtMs: number;
  #lookedAtMs: number;
  /** Safe points from one look at the clock to the next: more of them where records are cheap. */
  #stride = 1;
  #left = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAtMs = clock.monotonicMs();
    this.#lookedAtMs = this.#startedAtMs;
  }

  /** Whether the loop has been busy for some milliseconds. */
  isDue(): boolean {
    this.#left -= 1;
    return this.#left <= 0 && this.#look();
  }

  isSpent(): boolean {
    return this.#clock.monotonicMs() - this.#startedAtMs >= sliceMs;
  }

  async pass(): Promise<void> {
    await yieldToEventLoop();
    this.#startedAtMs = this.#clock.monotonicMs();
    this.#lookedAtMs = this.#startedAtMs;
  }

  #look(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const tookMs = nowMs - this.#lookedAtMs;
    this.#lookedAtMs = nowMs;
    if (tookMs < sliceMs / 8) this.#stride = Math.min(this.#stride * 2, longestStride);
    else if (tookMs > sliceMs / 2) this.#stride = Math.max(1, this.#stride >> 2);
    this.#left = this.#stride;
    return nowMs - this.#startedAtMs >= sliceMs;
  }
}
