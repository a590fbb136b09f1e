// The seven steps of a checkpoint by name and number, and how an attempt can end.

export type StepName =
  'barrier' | 'snapshot' | 'pre-commit' | 'sidecar' | 'persist' | 'commit' | 're-save';

export const stepNumbers: Readonly<Record<StepName, number>> = {
  barrier: 1,
  snapshot: 2,
  'pre-commit': 3,
  sidecar: 4,
  persist: 5,
  commit: 6,
  're-save': 7,
};

/** Why an attempt did not become a checkpoint. */
export type AttemptCause =
  /** The step did not end within its bound. */
  | { readonly kind: 'timed-out'; readonly step: StepName; readonly afterMs: number }
  /** The step threw: a participant, the store, or a check of tidegate's own. */
  | { readonly kind: 'failed'; readonly step: StepName; readonly error: unknown }
  /** Durable, but these sinks have not confirmed their commit. */
  | { readonly kind: 'unsettled'; readonly step: 'commit'; readonly sinks: readonly string[] }
  /** The generation ended under the attempt: another failure, a stop, an abort. */
  | { readonly kind: 'cancelled'; readonly step: StepName; readonly reason: unknown };

/** How an attempt ended. Only `failed` needs recovery. */
export type AttemptEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'abandoned'; readonly cause: AttemptCause }
  | { readonly kind: 'failed'; readonly cause: AttemptCause };

/** Bounds of the steps, in milliseconds. */
export interface StepBounds {
  readonly alignmentTimeoutMs: number;
  readonly snapshotTimeoutMs: number;
  readonly preCommitTimeoutMs: number;
  readonly persistTimeoutMs: number;
  readonly commitTimeoutMs: number;
  readonly acknowledgeTimeoutMs: number;
}
