// What recovery can decide to do: closed unions that the executor carries out.

import type { TidegateError } from '../errors.js';
import type { CheckpointId, Epoch } from '../ids.js';
import type { ReadableCheckpoint } from './candidates.js';
import type { RecoveryRow } from './table.js';

/** What becomes of the checkpoints above the one that is resumed. */
export interface Discards {
  /** In doubt, and discarded. */
  readonly rollBack: readonly ReadableCheckpoint[];
  /** Discarded earlier; saved again, because a mark that was visible may not have been durable. */
  readonly saveAgain: readonly ReadableCheckpoint[];
  /** Cannot be read; renamed so that no later scan meets it. */
  readonly quarantine: readonly CheckpointId[];
}

interface Resuming {
  readonly row: RecoveryRow;
  /** The checkpoint that sources, operators and tables are put back to. */
  readonly resume: ReadableCheckpoint;
  readonly discards: Discards;
  /** Epoch of the next attempt. */
  readonly nextEpoch: Epoch;
}

export type ResumingPlan =
  /** `resume` is complete, or every sink has committed it. */
  | ({ readonly kind: 'resume' } & Resuming)
  /** `resume` is in doubt: these sinks are prepared and commit it, by handle. */
  | ({ readonly kind: 'roll-forward'; readonly commit: ReadonlyMap<string, string> } & Resuming)
  /** `target` is discarded at every sink, then in its manifest. */
  | ({ readonly kind: 'roll-back'; readonly target: ReadableCheckpoint } & Resuming)
  /** A new checkpoint is made of `resume`, above everything there is. */
  | ({
      readonly kind: 'restore';
      /** Epoch of the new checkpoint. */
      readonly restoredEpoch: Epoch;
    } & Resuming);

interface Stopping {
  readonly row: RecoveryRow;
  readonly cause: TidegateError;
}

export type RecoveryPlan =
  | ResumingPlan
  /** Nothing was ever begun: the start checkpoint is written. */
  | { readonly kind: 'fresh'; readonly row: RecoveryRow }
  /** A human is needed. `halt`: it may settle by itself; `refuse`: it will not. */
  | ({ readonly kind: 'refuse' } & Stopping)
  | ({ readonly kind: 'halt' } & Stopping);
