// Events and context of the life machine, and the causes of its ends.

import { assert } from '../../assert.js';
import { hasErrorCode, isTidegateError, TidegateError } from '../../errors.js';
import type { RecoveryReport } from '../../recovery/request.js';
import { finalFailed } from '../checkpoint/outcome.js';
import type { LoopStanding } from '../dataflow/safe-point-loop.js';
import type { Generation } from './generation.js';

/** What recovery decided. */
export type Recovered =
  | {
      readonly kind: 'resumed';
      readonly report: RecoveryReport;
      readonly generation: Generation;
    }
  | { readonly kind: 'refused'; readonly report: RecoveryReport; readonly cause: unknown };

/** Where a coordinator is in its life; each state of the machine is tagged with one. */
export type Phase = 'created' | 'recovering' | 'running' | 'draining' | 'stopped' | 'halted';

export interface LifeInput {
  readonly tolerableFailures: number;
  /** How long a loop may take to its next safe point when a stop comes between two. */
  readonly safePointTimeoutMs: number;
}

export interface LifeContext extends LifeInput {
  readonly occasion: 'start' | 'in-process';
  readonly failuresInARow: number;
  /** The newest that came out of recovery, also after it has failed. */
  readonly generation?: Generation;
  readonly report?: RecoveryReport;
  /** What the last recovery is or was needed for. */
  readonly failure?: unknown;
  /** What does not answer as it should, while it is asked again. */
  readonly waitsFor?: unknown;
  /** Why it halted, or stopped without its final checkpoint. */
  readonly cause?: unknown;
}

/** What the scheduler of attempts says. */
export type SchedulerEvent =
  /** A cut may be due now. */
  | { readonly type: 'due' }
  /** An attempt has become a checkpoint. */
  | { readonly type: 'completed' }
  /** For a while there has been nothing to save, and no failure has left anything to come again. */
  | { readonly type: 'idle' }
  /** A failure that only recovery can repair. */
  | { readonly type: 'failed'; readonly cause: unknown }
  /** A participant does not answer as it should, and is asked again. */
  | { readonly type: 'waiting'; readonly problem: unknown }
  /** The last records are committed. */
  | { readonly type: 'drained' }
  | { readonly type: 'not-drained'; readonly cause: unknown };

/** What the scheduler of attempts is asked. */
export interface Drain {
  readonly type: 'drain';
}

export type LifeEvent =
  | SchedulerEvent
  | { readonly type: 'start' }
  /** A loop has come to a safe point. */
  | { readonly type: 'arrived' }
  /** A final checkpoint, then the end. */
  | {
      readonly type: 'stop';
      /** Where a loop is between two of its safe points. */
      readonly standing?: LoopStanding;
      /** The loop is over: it cannot process again what a recovery would put back. */
      readonly isLoop?: boolean;
    }
  /** The end, at once. */
  | { readonly type: 'close'; readonly cause?: unknown };

export interface Blame {
  readonly cause: unknown;
}

/** Recovering from these would hide a mistake, fight a newer owner, or meet the same fact again. */
export function isBeyondRecovery(cause: unknown): boolean {
  if (isTidegateError(cause) && (cause.kind === 'internal' || cause.kind === 'fenced')) return true;
  return hasErrorCode(cause, 'TIDEGATE_STATE_ALIASED', 'TIDEGATE_SOURCE_UNANSWERED');
}

export function refusalOf(recovered: Recovered): unknown {
  return recovered.kind === 'refused' ? recovered.cause : undefined;
}

export function theGeneration({ generation }: LifeContext): Generation {
  assert(generation !== undefined, 'records flow before recovery has opened anything');
  return generation;
}

export function notCommitted(cause: unknown): Blame {
  return { cause: finalFailed(cause) };
}

/** Before the first record there is nothing to put back, and nothing that is not committed. */
export function unrecovered({ generation, failure }: LifeContext): Blame {
  return generation === undefined ? { cause: undefined } : notCommitted(failure);
}

/** The stop under way must report that the last records were not committed. */
export function cutShort(cause: unknown): Blame {
  if (cause !== undefined) return { cause };
  return notCommitted(new Error('it was ended from outside before it was known to be complete'));
}

export function noSafePoint({ safePointTimeoutMs }: LifeContext): Blame {
  return notCommitted(
    new TidegateError(
      'TIDEGATE_LIFECYCLE',
      `stop() came in the middle of a batch, and the loop did not reach a safe point within ` +
        `${safePointTimeoutMs} ms: half of a batch is never committed. Call stop() when the loop has ` +
        'ended, or safePoint() once more before it',
    ),
  );
}
