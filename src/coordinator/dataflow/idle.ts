// Whether a new checkpoint would save anything, and whether a failed generation left anything to come again.

import { toOffsets } from '../../contracts/source-position.js';
import type { Offsets } from '../../contracts/source.js';
import { isTidegateError } from '../../errors.js';
import { withDeadline } from '../../runtime/deadline.js';
import type { StepContext } from '../context.js';
import type { Generation } from '../lifecycle/generation.js';

/** In doubt there is news: a checkpoint too many costs less than one too few. */
export async function isIdle(context: StepContext, generation: Generation): Promise<boolean> {
  const { options, barriers, clock, participants } = context;
  if (!options.skipWhenIdle || barriers.hasNews === undefined) return false;
  for (const { writer } of generation.sinks.values()) if (writer.hasNews) return false;
  const offsets = new Map<string, Offsets>();
  for (const [source, position] of generation.base.manifest.sourceOffsets) {
    if (participants.sources.has(source)) offsets.set(source, toOffsets(position.offsets));
  }
  const bound = { clock, timeoutMs: options.timeouts.alignmentMs };
  const answer = await withDeadline(bound, () => barriers.hasNews?.(offsets) ?? true);
  return answer.kind === 'answered' && !answer.value;
}

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
