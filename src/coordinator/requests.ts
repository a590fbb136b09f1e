// Checkpoints that were asked for and not begun: requests that one cut can serve become one.

import { TidegateError } from '../errors.js';
import type { CheckpointId, Epoch } from '../ids.js';
import type { CheckpointKind } from '../manifest/types.js';
import type { AttemptCause } from './machine/steps.js';

/** What became of a checkpoint that was asked for. */
export type CheckpointOutcome = (
  | { readonly kind: 'completed'; readonly checkpointId: CheckpointId; readonly epoch: Epoch }
  /** Nothing has happened since the last complete checkpoint. */
  | { readonly kind: 'skipped'; readonly why: 'idle' }
  /** No sink had a claim; the records are in the next checkpoint. */
  | { readonly kind: 'abandoned'; readonly cause: AttemptCause }
  /** Recovery has followed. */
  | { readonly kind: 'failed'; readonly cause: AttemptCause }
) & {
  /** Whether another request was there first and its cut has served this one too. */
  readonly isCoalesced: boolean;
};

type Waiter = (outcome: CheckpointOutcome) => void;

/** A cut that somebody waits for. */
export interface PendingRequest {
  kind: CheckpointKind;
  label: string | undefined;
  readonly waiters: Waiter[];
}

/** Savepoints with different labels cannot share a cut; this many may wait. */
const pendingMax = 16;

export class Requests {
  readonly #pending: PendingRequest[] = [];

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  /** The interval has passed; nobody waits for the outcome. */
  addDue(): void {
    if (this.isEmpty) this.#pending.push({ kind: 'checkpoint', label: undefined, waiters: [] });
  }

  addCheckpoint(): {
    readonly request: PendingRequest;
    readonly ended: Promise<CheckpointOutcome>;
  } {
    const request = this.#pending[0] ?? this.#push('checkpoint', undefined);
    return { request, ended: waitFor(request) };
  }

  addSavepoint(label: string): {
    readonly request: PendingRequest;
    readonly ended: Promise<CheckpointOutcome>;
  } {
    const same = this.#pending.find((request) => request.label === label);
    const plain = this.#pending.find((request) => request.kind === 'checkpoint');
    const request = same ?? plain ?? this.#push('savepoint', label);
    request.kind = 'savepoint';
    request.label = label;
    return { request, ended: waitFor(request) };
  }

  takeNext(): PendingRequest | undefined {
    return this.#pending.shift();
  }

  /** Takes a request back that nobody has begun; false when it was begun. */
  withdraw(request: PendingRequest): boolean {
    const index = this.#pending.indexOf(request);
    if (index < 0) return false;
    this.#pending.splice(index, 1);
    return true;
  }

  #push(kind: CheckpointKind, label: string | undefined): PendingRequest {
    if (this.#pending.length >= pendingMax) {
      throw new TidegateError(
        'TIDEGATE_LIFECYCLE',
        `${pendingMax} savepoints wait already: wait for one of them first`,
      );
    }
    const request = { kind, label, waiters: [] };
    this.#pending.push(request);
    return request;
  }
}

/** Tells everybody who waits what became of the request. */
export function settleRequest(request: PendingRequest, end: UntoldOutcome): void {
  request.waiters.forEach((waiter, index) => waiter({ ...end, isCoalesced: index > 0 }));
}

type WithoutFlag<Outcome> = Outcome extends unknown ? Omit<Outcome, 'isCoalesced'> : never;

/** An outcome before it is known whom it is told to. */
export type UntoldOutcome = WithoutFlag<CheckpointOutcome>;

function waitFor(request: PendingRequest): Promise<CheckpointOutcome> {
  return new Promise((resolve) => {
    request.waiters.push(resolve);
  });
}
