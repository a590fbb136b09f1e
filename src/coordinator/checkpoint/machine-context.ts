// The context and the events of the machine of an attempt, and the cause of an early end.

import type { StepTimeouts } from '../options/checkpoint-options.js';
import type { PersistedManifest } from '../../store/persisted-manifest.js';
import type { Attempt } from './attempt.js';
import type { AttemptCause, StepName } from './outcome.js';
import type { Cut } from './pending-cut.js';
import type { PreparedSinks } from './steps/pre-commit.js';
import type { StoredStates } from './steps/sidecar.js';
import type { EncodedStates } from './steps/snapshot.js';

/** Everything that goes into a manifest. */
export interface PersistInput {
  readonly cut: Cut;
  readonly states: EncodedStates;
  readonly prepared: PreparedSinks;
  readonly stored: StoredStates;
}

export interface AttemptInput {
  readonly attempt: Attempt;
  readonly bounds: StepTimeouts;
}

/** What the steps so far have produced: each step takes what only an earlier one can make. */
export interface AttemptContext extends AttemptInput {
  readonly cut?: Cut;
  readonly states?: EncodedStates;
  readonly prepared?: PreparedSinks;
  readonly stored?: StoredStates;
  readonly persisted?: PersistedManifest;
  readonly cause?: AttemptCause;
}

/** The generation ends under the attempt. */
export interface CancelAttempt {
  readonly type: 'cancel';
  readonly reason: unknown;
}

export function failedIn(step: StepName) {
  return {
    type: 'blame' as const,
    params: ({ event }: { event: { error: unknown } }): AttemptCause => ({
      kind: 'failed',
      step,
      error: event.error,
    }),
  };
}

export function timedOutIn(step: StepName, bound: keyof StepTimeouts) {
  return {
    type: 'blame' as const,
    params: ({ context }: { context: AttemptContext }): AttemptCause => ({
      kind: 'timed-out',
      step,
      afterMs: context.bounds[bound],
    }),
  };
}

export function cancelledIn(step: StepName) {
  return {
    type: 'blame' as const,
    params: ({ event }: { event: CancelAttempt }): AttemptCause => ({
      kind: 'cancelled',
      step,
      reason: event.reason,
    }),
  };
}
