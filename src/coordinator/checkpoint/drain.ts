// The end of a stop: checkpoints until nothing is asked for and the last records are in one.

import { errorOf, finalFailed } from './outcome.js';
import type { RequestOutcome } from './tickets.js';

export interface DrainOptions {
  /** Abandoned attempts that are followed by another one. */
  readonly tolerableFailures: number;
  /** One attempt for the records since the last one. */
  readonly takeFinal: () => Promise<RequestOutcome>;
  /** The generation has ended: no other attempt will begin. */
  readonly isOver: () => boolean;
  readonly hasRequests: () => boolean;
}

/** @throws TidegateError `TIDEGATE_FINAL_CHECKPOINT` when the last records could not be committed. */
export async function drain(options: DrainOptions): Promise<void> {
  let abandonments = 0;
  for (;;) {
    const outcome = await options.takeFinal();
    if (outcome.kind === 'completed' || outcome.kind === 'skipped') {
      if (!options.hasRequests()) return;
      continue;
    }
    abandonments += 1;
    const isFinal = outcome.kind === 'failed' || options.isOver();
    if (isFinal || abandonments > options.tolerableFailures) {
      throw finalFailed(errorOf(outcome.cause));
    }
  }
}
