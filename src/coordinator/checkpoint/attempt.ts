// One attempt to take a checkpoint: its own id and barrier, and what every step of it can see.

import { assert } from '../../assert.js';
import type { Barrier } from '../../contracts/barrier.js';
import type { SinkCommitStatus } from '../../manifest/types.js';
import type { PersistedManifest } from '../../store/persisted-manifest.js';
import type { StepContext } from '../context.js';
import type { AttemptIds } from '../events.js';
import type { Generation } from '../lifecycle/generation.js';
import { PendingCut } from './pending-cut.js';
import type { PendingRequest } from './requests.js';
import { StateStreams } from './state-stream.js';

const pending: SinkCommitStatus = { kind: 'pending' };
const committed: SinkCommitStatus = { kind: 'committed' };

export interface Attempt {
  readonly context: StepContext;
  readonly generation: Generation;
  readonly barrier: Barrier;
  /** What asked for it: its kind, its label. */
  readonly request: PendingRequest;
  readonly startedAtMs: number;
  readonly cut: PendingCut;
  readonly claim: Claim;
  readonly ledger: CommitLedger;
  readonly streams: StateStreams;
  /** A sink does not answer as it should, and is asked again. */
  readonly waits: (problem: unknown) => void;
}

/** What every step takes. */
export interface StepInput {
  readonly attempt: Attempt;
}

/** What the steps behind the durable manifest take. */
export interface PersistedInput extends StepInput {
  readonly persisted: PersistedManifest;
}

/** @throws TidegateError `TIDEGATE_SEQUENCE_EXHAUSTED` when the generation has no ids left. */
export function newAttempt(
  context: StepContext,
  generation: Generation,
  request: PendingRequest,
  waits: Attempt['waits'],
): Attempt {
  const barrier: Barrier = {
    checkpointId: generation.store.allocateCheckpointId(),
    epoch: generation.nextEpoch,
    generation: generation.number,
  };
  const startedAtMs = context.clock.monotonicMs();
  const cut = new PendingCut(context, generation, barrier);
  const books = { claim: new Claim(), ledger: new CommitLedger(), streams: new StateStreams() };
  return { context, generation, barrier, request, startedAtMs, cut, waits, ...books };
}

/** What events name an attempt by. */
export function idsOf({ barrier: { checkpointId, epoch } }: Attempt): AttemptIds {
  return { checkpointId, epoch };
}

/**
 * Who was first: a sink that claims the attempt, or the coordinator that abandons it. One
 * compare-and-set per attempt. Once a sink has claimed it the attempt cannot be abandoned: the sink
 * may have prepared records that would then be forgotten but not rewound.
 */
class Claim {
  #holder: 'none' | 'sinks' | 'abandoned' = 'none';

  /** Called synchronously before `preCommit`; false when the attempt was abandoned first. */
  takeForSink(): boolean {
    if (this.#holder === 'abandoned') return false;
    this.#holder = 'sinks';
    return true;
  }

  /** False when a sink was first: then the attempt can only fail. */
  abandon(): boolean {
    if (this.#holder === 'sinks') return false;
    this.#holder = 'abandoned';
    return true;
  }
}

/** What is known of each sink in the commit of one checkpoint; it only moves forward. */
class CommitLedger {
  readonly #statuses = new Map<string, SinkCommitStatus>();
  #isClosed = false;
  /** What a sink threw last, of one that has not committed. */
  lastError: unknown;

  /** Every sink has an entry from the start, so that none can be forgotten. */
  enter(sink: string, status: 'pending' | 'committed'): void {
    assert(!this.#statuses.has(sink), `sink ${sink} is entered twice in one commit`);
    this.#statuses.set(sink, status === 'committed' ? committed : pending);
  }

  /**
   * Notes what a sink answered. False for an answer that comes after the books were closed: the
   * manifest may have been saved without it, so it must not count.
   */
  note(sink: string, status: SinkCommitStatus): boolean {
    if (this.#isClosed) return false;
    const known = this.#statuses.get(sink);
    assert(known !== undefined, `sink ${sink} takes no part in this commit`);
    assert(known.kind !== 'committed', `sink ${sink} has committed already`);
    this.#statuses.set(sink, status);
    return true;
  }

  /** No answer counts after this. */
  close(): void {
    this.#isClosed = true;
  }

  get statuses(): ReadonlyMap<string, SinkCommitStatus> {
    return this.#statuses;
  }

  /** Sinks that are not known to have committed. */
  unsettled(): readonly string[] {
    return [...this.#statuses]
      .filter(([, status]) => status.kind !== 'committed')
      .map(([sink]) => sink);
  }
}
