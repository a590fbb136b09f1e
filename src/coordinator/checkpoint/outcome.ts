// The seven steps of a checkpoint, and how an attempt can end: one union, and its cause as an error.

import { assertNever } from '../../assert.js';
import { TidegateError } from '../../errors.js';
import type { CheckpointId, Epoch } from '../../ids.js';
import type { Logger } from '../../runtime/logger.js';

/** A step of a checkpoint; each is a state of the machine of an attempt, by this name. */
export type StepName =
  'barrier' | 'snapshot' | 'pre-commit' | 'sidecar' | 'persist' | 'commit' | 're-save';

/** The steps in their order. */
export const stepNames: readonly StepName[] = [
  'barrier',
  'snapshot',
  'pre-commit',
  'sidecar',
  'persist',
  'commit',
  're-save',
];

/** 1 to 7. */
export function stepNumber(step: StepName): number {
  return stepNames.indexOf(step) + 1;
}

/** Why an attempt did not become a checkpoint. */
export type AttemptCause =
  /** The step did not end within its bound. */
  | { readonly kind: 'timed-out'; readonly step: StepName; readonly afterMs: number }
  /** The step threw: a participant, the store, or a check of tidegate's own. */
  | { readonly kind: 'failed'; readonly step: StepName; readonly error: unknown }
  /** Durable, but these sinks have not confirmed their commit; `error` is the last that one threw. */
  | {
      readonly kind: 'unsettled';
      readonly step: 'commit';
      readonly sinks: readonly string[];
      readonly error?: unknown;
    }
  /** The generation ended under the attempt: another failure, a stop, an abort. */
  | { readonly kind: 'cancelled'; readonly step: StepName; readonly reason: unknown };

/** How an attempt ended. Only `failed` needs recovery. */
export type AttemptEnd =
  | { readonly kind: 'completed'; readonly checkpointId: CheckpointId; readonly epoch: Epoch }
  | { readonly kind: 'abandoned'; readonly cause: AttemptCause }
  | { readonly kind: 'failed'; readonly cause: AttemptCause };

/** Why a report of the dataflow was dropped. */
export type DroppedReport = 'other-attempt' | 'repeated' | 'late';

/** The cause of an attempt's end as an error. */
export function errorOf(cause: AttemptCause): unknown {
  switch (cause.kind) {
    case 'failed':
      return cause.error;
    case 'cancelled':
      return cause.reason;
    case 'timed-out':
      return new TidegateError(
        'TIDEGATE_STEP_TIMEOUT',
        `step ${stepNumber(cause.step)} (${cause.step}) did not end within ${cause.afterMs} ms`,
        { details: { step: cause.step, afterMs: cause.afterMs } },
      );
    case 'unsettled':
      return unsettled(cause.sinks, cause.error);
    default:
      return assertNever(cause, 'cause of an attempt that ended');
  }
}

function unsettled(sinks: readonly string[], error: unknown): TidegateError {
  const why = error instanceof Error ? `: ${error.message}` : '';
  return new TidegateError(
    'TIDEGATE_SINKS_UNSETTLED',
    `not known to have committed: ${sinks.join(', ')}${why}`,
    { cause: error, details: { sinks } },
  );
}

/** The error of a stop that could not commit the last records. */
export function finalFailed(cause: unknown): TidegateError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TidegateError(
    'TIDEGATE_FINAL_CHECKPOINT',
    `the final checkpoint did not complete, so the last records are not committed: ${why}`,
    { cause },
  );
}

/** What the latest attempts have come to: whether anything is still committed. */
export class AttemptTally {
  readonly #logger: Logger;
  #abandonedInARow = 0;
  #lastProblem: unknown;
  droppedReports = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get abandonedInARow(): number {
    return this.#abandonedInARow;
  }

  /** Why the newest attempt did not complete; undefined when it did. */
  get lastProblem(): unknown {
    return this.#lastProblem;
  }

  count(end: AttemptEnd): void {
    this.#lastProblem = end.kind === 'completed' ? undefined : errorOf(end.cause);
    this.#abandonedInARow = end.kind === 'abandoned' ? this.#abandonedInARow + 1 : 0;
    if (this.#abandonedInARow < 2) return;
    // They never halt, and a first one is no news: a cause that lasts would go unnoticed.
    this.#logger.warn(
      { abandonedInARow: this.#abandonedInARow, err: this.#lastProblem },
      'checkpoints are abandoned in a row: nothing is committed meanwhile',
    );
  }
}
