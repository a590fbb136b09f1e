// Notices that a loop does not come to a safe point: neither checkpoints nor recovery go on then.

import type { Timer } from '../../runtime/clock.js';
import type { StepContext } from '../context.js';

type Ports = Pick<StepContext, 'clock' | 'logger' | 'events' | 'options'>;

export class SafePointWatch {
  readonly #ports: Ports;
  #timer: Timer | undefined;
  #expectedSinceMs = 0;
  #isMissing = false;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** Undefined until no safe point has come for two intervals. */
  get missingForMs(): number | undefined {
    return this.#isMissing ? this.#silentForMs() : undefined;
  }

  /** A cut is due, or recovery waits for the loop: an interval has passed already. */
  expect(): void {
    const { clock, options } = this.#ports;
    if (this.#timer !== undefined || options.intervalMs === 0) return;
    this.#expectedSinceMs = clock.monotonicMs();
    this.#timer = clock.setTimer(() => this.#missing(), options.intervalMs);
    this.#timer.unref?.();
  }

  heard(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isMissing = false;
  }

  #missing(): void {
    this.#isMissing = true;
    const { logger, events } = this.#ports;
    const forMs = this.#silentForMs();
    logger.warn(
      { forMs },
      'no safe point has come for two intervals: call safePoint() between records, also when there is ' +
        'nothing to read, or read with batches()',
    );
    events.emit('safe-point-missing', { forMs });
  }

  #silentForMs(): number {
    const { clock, options } = this.#ports;
    return clock.monotonicMs() - this.#expectedSinceMs + options.intervalMs;
  }
}
