// Whether a failed generation left records behind that come again.

import { isTidegateError } from '../../errors.js';
import type { StepContext } from '../context.js';
import { isIdle } from '../dataflow/idle.js';
import type { Generation } from './generation.js';

/**
 * Until such records are committed a quiet time proves nothing: the same record would fail again and again,
 * and never halt.
 */
export class UncommittedInput {
  readonly #context: StepContext;
  #hasAny = false;
  /** Whether the generation that failed last had nothing that was not committed. */
  #wasIdle: Promise<boolean> = Promise.resolve(false);

  constructor(context: StepContext) {
    this.#context = context;
  }

  get hasAny(): boolean {
    return this.#hasAny;
  }

  /**
   * Asks while everything is still where it failed.
   *
   * @param run Undefined for a loop: that one fails by a write or an attempt, both for records.
   */
  failed(cause: unknown, run: Generation | undefined): void {
    this.#wasIdle = this.#ask(cause, run);
  }

  /** Settles within the bound of the question; called in the recovery that follows. */
  async resolve(): Promise<void> {
    if (!(await this.#wasIdle)) this.#hasAny = true;
  }

  /** A checkpoint is complete: whatever was owed is in it. */
  committed(): void {
    this.#hasAny = false;
  }

  /** In doubt it was not idle. */
  async #ask(cause: unknown, run: Generation | undefined): Promise<boolean> {
    if (run === undefined) return false;
    // A record that was processed half is in no position yet.
    if (isTidegateError(cause) && cause.code !== 'TIDEGATE_SOURCE_FAILED') return false;
    return isIdle(this.#context, run);
  }
}
