// What recovery is asked to do, and what it answers: the seam between coordinator and recovery.

import type { Participants } from '../contracts/participants.js';
import type { SinkSession } from '../contracts/sink.js';
import type { TidegateError } from '../errors.js';
import type { CheckpointId, Epoch, Generation } from '../ids.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Random } from '../runtime/random.js';
import type { OwnedStore } from '../store/checkpoint-store.js';
import type { PersistedManifest } from '../store/persisted-manifest.js';

/** What to do with an in-doubt checkpoint that no sink has committed. */
export type InDoubtPolicy = 'roll-back' | 'roll-forward' | 'halt';

/** How much operator state a checkpoint takes, and where it stands. */
export interface StateLimits {
  /** Operator states of one checkpoint together. Default 1 GiB. */
  readonly maxCheckpointBytes: number;
  /** States inside the manifest together; above it the largest go to the sidecar. Default 8 MiB. */
  readonly maxInlineBytes: number;
  /** A larger state goes to the sidecar. Default 1 MiB. */
  readonly stateInlineThresholdBytes: number;
}

/** Bounds of what recovery waits for, in milliseconds. */
export interface RecoveryTimeouts {
  /** How long a sink that does not answer is asked again. Default 600 000. */
  readonly inDoubtMs: number;
  /** Bound of one call to a participant or the store, plus time for its bytes. Default 30 000. */
  readonly callMs: number;
}

export interface RecoveryOptions extends StateLimits {
  /**
   * What becomes of an in-doubt checkpoint that is prepared everywhere and committed nowhere:
   * `roll-back` (default) reads the epoch again; `roll-forward` shows at once what was prepared;
   * `halt` leaves it to a person.
   */
  readonly inDoubtPolicy: InDoubtPolicy;
  /** Bounds in time. */
  readonly timeouts: RecoveryTimeouts;
  /**
   * `lenient` reports some misfits of pipeline and checkpoint instead of refusing them: saved state of
   * an operator that is gone is dropped, a new operator starts empty. Default `strict`.
   */
  readonly strictness: 'strict' | 'lenient';
  /** What becomes of a checkpoint of a pipeline with another hash. Default `warn`. */
  readonly pipelineHashMismatch: 'warn' | 'refuse';
  /** Partitions of keyed state; it must never change. Default 256. */
  readonly vnodeCount: number;
}

/** What recovery waits by, draws backoff from and logs to. */
export interface RecoveryPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Called with each failure after which recovery waits and tries again. */
  readonly waits?: (problem: Error) => void;
}

/** Going back to a chosen checkpoint or savepoint instead of resuming the newest. */
export interface RestoreChoice {
  /** A complete one that is still in the store. */
  readonly checkpointId: CheckpointId;
  /**
   * Sinks that have committed past it and will get that output a second time, each with the newest
   * checkpoint that it has committed: a person's word. A sink that is further by now has gone on since
   * the person looked, so that a start which comes again with the same choice is refused.
   */
  readonly acceptDuplicatesIn: Readonly<Record<string, CheckpointId>>;
}

/**
 * Sources whose input may be given up where it is gone, each with the checkpoint whose position cannot be
 * gone back to: a person's word. It says nothing of a later loss, which names a later checkpoint.
 */
export type LostInputChoice = Readonly<Record<string, CheckpointId>>;

export interface RecoveryRequest {
  /** Opened, so that every older owner is fenced, by the generation that recovers. */
  readonly store: OwnedStore;
  readonly participants: Participants;
  readonly options: RecoveryOptions;
  readonly pipelineHash: bigint | undefined;
  /** Whether a crashed process is being recovered, or a failure in this one. */
  readonly occasion: 'start' | 'in-process';
  readonly ports: RecoveryPorts;
  readonly signal: AbortSignal;
  /** Undefined resumes what the recovery table says. */
  readonly restoreFrom?: RestoreChoice | undefined;
  readonly acceptLostInput?: LostInputChoice | undefined;
}

/** What one sink was found to be and what it became. */
export interface SinkReport {
  readonly sink: string;
  readonly found: string;
  readonly became: string;
}

/** A checkpoint that was looked at and not resumed. */
export interface SkippedCheckpoint {
  readonly id: CheckpointId;
  readonly why: string;
}

/** What was found at a start, what was decided, and what was done. */
export interface RecoveryReport {
  /** Of the owner that recovered; absent in a dry run, which owns nothing. */
  readonly generation?: Generation;
  /** The row of the recovery table that decided, `11` with variant `a` for 11a; 0 for a restore. */
  readonly row: { readonly number: number; readonly variant: string; readonly label: string };
  /** What was decided, in one sentence; a refusal with its cause. */
  readonly decision: string;
  /** Nothing was fenced, written or committed, and all may have changed since. */
  readonly isDryRun: boolean;
  readonly examined: number;
  readonly skipped: readonly SkippedCheckpoint[];
  readonly sinks: readonly SinkReport[];
  /** The checkpoint that is resumed; absent after a refusal. */
  readonly resumed?: { readonly id: CheckpointId; readonly epoch: Epoch };
  /** Input that was given up, and in a dry run what may be; one sentence each. */
  readonly lostInput: readonly string[];
  /** Findings that did not prevent the recovery: topology, pipeline hash, validation. */
  readonly warnings: readonly string[];
  /** How often the facts were read again under a new fence; 0 when the first reading held. */
  readonly rereadings: number;
  /** Why they were read again the last time: what a sink or the store answered then. */
  readonly rereadBecause?: string;
  readonly durationMs: number;
}

/** What every outcome of recovery carries. */
interface RecoveryAnswered {
  /**
   * The store to go on with, and to close. Recovery takes the next generation when the outcome of a
   * call of its own is not known, so it may not be the one of the request: that one is fenced then.
   */
  readonly store: OwnedStore;
  readonly report: RecoveryReport;
}

/** Sinks are open in the store's generation; sources, operators and tables are where `base` says. */
interface Recovered extends RecoveryAnswered {
  /** The complete checkpoint that everything was restored to. */
  readonly base: PersistedManifest;
  /** Epoch of the next attempt: above every epoch that was used for good. */
  readonly nextEpoch: Epoch;
  readonly sinks: ReadonlyMap<string, SinkSession>;
}

export type RecoveryOutcome =
  | ({ readonly kind: 'resumed' } & Recovered)
  /** A human is needed; no sink was changed by a guess. */
  | ({ readonly kind: 'refused'; readonly cause: TidegateError } & RecoveryAnswered);

/** The function that the coordinator calls, at start and after every failure from step 3 on. */
export type Recover = (request: RecoveryRequest) => Promise<RecoveryOutcome>;
