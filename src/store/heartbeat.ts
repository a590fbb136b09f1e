// The beat of an owner's signs of life, the same for every store.

import type { Clock, Timer } from '../runtime/clock.js';

export class Heartbeat {
  #timer: Timer | undefined;
  #isStopped: boolean;

  /**
   * @param intervalMs 0 for none.
   * @param beat Never rejects: a missed heartbeat only delays the liveness check of others.
   */
  constructor(
    private readonly clock: Pick<Clock, 'setTimer'>,
    private readonly intervalMs: number,
    private readonly beat: () => Promise<void>,
  ) {
    this.#isStopped = intervalMs <= 0;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = this.clock.setTimer(
      () => void this.beat().then(() => this.#schedule()),
      this.intervalMs,
    );
    // A session that was never closed must not keep the process alive.
    this.#timer.unref?.();
  }
}
