// When the next attempt is due by itself, and whether a generation has had that long already.

import type { Clock, Timer } from '../../runtime/clock.js';
import type { CheckpointOptions } from '../options/checkpoint-options.js';

export class Interval {
  readonly #clock: Clock;
  /** Undefined when attempts are made on demand only. */
  readonly #delayMs: number | undefined;
  readonly #enoughMs: number;
  readonly #passed: () => void;
  #timer: Timer | undefined;
  #openedAtMs = 0;
  #isOver = false;

  constructor(clock: Clock, options: CheckpointOptions, passed: () => void) {
    const { intervalMs, minPauseMs, alignmentTimeoutMs } = options;
    this.#clock = clock;
    this.#delayMs = intervalMs === 0 ? undefined : Math.max(intervalMs, minPauseMs);
    this.#enoughMs = this.#delayMs ?? alignmentTimeoutMs;
    this.#passed = passed;
  }

  /** Right after a recovery nothing is new because what is to come again has not come yet. */
  get hasPassedOnce(): boolean {
    return this.#clock.monotonicMs() - this.#openedAtMs >= this.#enoughMs;
  }

  /** A generation begins. */
  open(): void {
    this.#openedAtMs = this.#clock.monotonicMs();
    this.arm();
  }

  /** From now on, whatever was set before. */
  arm(): void {
    this.cancel();
    if (this.#delayMs !== undefined && !this.#isOver) {
      this.#timer = this.#clock.setTimer(this.#passed, this.#delayMs);
    }
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  /** From now on no attempt is due by itself, in no later generation either. */
  end(): void {
    this.#isOver = true;
    this.cancel();
  }
}
