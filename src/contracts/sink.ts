// What a sink promises, by class of durability: the heart of exactly-once.

import type { CheckpointId, Epoch, Generation, StoreId } from '../ids.js';
import type { CallOptions } from './source.js';

/**
 * How much of a pre-commit survives a crash:
 * `durable` all of it, and a fresh process can commit it from the handle;
 * `last-resource` nothing, but its commit writes data and marker in one local transaction (at most
 * one in a pipeline; it commits first and its marker decides);
 * `idempotent` not needed: writing again by key has the same effect;
 * `at-least-once` no marker and no prepare: duplicates are possible after a crash.
 */
export type Durability = 'durable' | 'last-resource' | 'idempotent' | 'at-least-once';

const durabilities: readonly unknown[] = [
  'durable',
  'last-resource',
  'idempotent',
  'at-least-once',
] satisfies Durability[];

/** Why a value is no durability; undefined when it is one. A misspelt one would promise anything. */
export function durabilityProblem(value: unknown): string | undefined {
  if (durabilities.includes(value)) return undefined;
  if (value === 'fenced') {
    return (
      'is fenced, a class that is gone: declare it last-resource (one in a pipeline: marker and data ' +
      'in one transaction) or durable, or put writeAhead in front of a last-resource one'
    );
  }
  const given = typeof value === 'string' ? JSON.stringify(value) : 'missing';
  return `has a durability that is ${given}, not one of ${durabilities.join(', ')}`;
}

/** Who opens a sink. Durable names are made of it: `pipeline/sink/generation/checkpoint id`. */
export interface SinkOwner {
  readonly storeId: StoreId;
  readonly pipeline: string;
  /** The sink's name in the pipeline. */
  readonly sink: string;
  readonly generation: Generation;
}

/** What a sink is given to prepare an epoch. */
export interface PreCommitRequest {
  readonly checkpointId: CheckpointId;
  readonly epoch: Epoch;
  readonly generation: Generation;
}

/** A pre-committed epoch. */
export interface Prepared {
  /**
   * With this a fresh process commits, rolls back or inspects the output. Small (it is stored in
   * the manifest), and free of secrets.
   */
  readonly handle: string;
}

/** `absent`: neither prepared nor committed, said only after a look at the marker. */
export type CommitOutcome = 'applied' | 'already-applied' | 'absent';
/** What a sink answers to a roll back; `committed`: it had committed, and nothing is rolled back. */
export type RollbackOutcome = 'rolled-back' | 'absent' | 'committed';
/** `unsupported`: the sink cannot tell without a handle. */
export type Inspection = 'committed' | 'prepared' | 'absent' | 'unsupported';

/** What a sink is asked about after a crash. */
export interface InspectRequest {
  readonly checkpointId: CheckpointId;
  readonly handle?: string | undefined;
}

/** What a sink is to roll back. */
export interface RollbackRequest {
  /** Everything uncommitted is discarded except these. */
  readonly keep: readonly string[];
}

/** Something that this pipeline left prepared, as the sink itself lists it. */
export interface PreparedListing {
  readonly handle: string;
  readonly checkpointId?: CheckpointId;
  /** Whole milliseconds since the Unix epoch. */
  readonly preparedAtMs?: number;
}

/** The questions that recovery and people ask; also what a read-only opening can answer. */
export interface SinkInspector {
  inspect(request: InspectRequest, options: CallOptions): Promise<Inspection>;
  /** The newest committed checkpoint id; undefined before the first commit. */
  lastCommitted(options: CallOptions): Promise<CheckpointId | undefined>;
  listPrepared(options: CallOptions): Promise<readonly PreparedListing[]>;
  /** Optional. What people should know about where it writes; each a line of the recovery report. */
  warnings?(options: CallOptions): Promise<readonly string[]>;
  close?(): void | Promise<void>;
}

/**
 * Records kept for later by a sink that wraps this one, in a form that this one makes: what it cannot
 * take is refused before it is durable, because a record that is refused at its commit blocks the sink.
 */
export interface RecordForm<Rec> {
  /** Stands beside what was kept, such as `postgres-texts-1`: another form has another name. */
  readonly name: string;
  /**
   * One line of well-formed text.
   *
   * @param place Of the record in its epoch, from 1, for messages.
   * @throws For a record that the sink cannot take.
   */
  encode(record: Rec, place?: number): string;
  /** What `write` takes in the place of the record. */
  decode(line: string): unknown;
  /**
   * Asks the system behind the sink whether these lines are values of its types; rejects if not.
   *
   * @param before How many records of the epoch came before these, for messages.
   */
  check?(lines: readonly string[], before: number, options: CallOptions): Promise<void>;
}

/** A two-phase sink in the hands of one generation. */
export interface TwoPhaseSinkSession<Rec = unknown> extends SinkInspector {
  readonly recordForm?: RecordForm<Rec> | undefined;
  write(records: readonly Rec[]): void | Promise<void>;
  preCommit(request: PreCommitRequest, options: CallOptions): Promise<Prepared>;
  /**
   * Optional. Throws when what is prepared is no longer what was prepared, so that `commit` would refuse
   * it; says nothing about what is not prepared. Recovery asks all sinks before the first one
   * commits: a damaged stage found later would leave the others ahead of it.
   */
  verify?(handle: string, options: CallOptions): Promise<void>;
  commit(handle: string, options: CallOptions): Promise<CommitOutcome>;
  rollback(
    request: RollbackRequest,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, RollbackOutcome>>;
}

/**
 * A sink that commits in two phases. Obligations on the implementor:
 *
 * 1. `open` fences every older generation, of other processes and of this one: after it returns, no
 *    call begun by an older session can still take effect. It refuses a second store under the same
 *    pipeline name, naming both ids and the way out (`TIDEGATE_SINK_STORE`), and a generation not
 *    above the one it remembers (`TIDEGATE_FENCED`). With the store's id as `remembered` in the
 *    details of the error, recovery can say what is committed there.
 * 2. `preCommit` is idempotent per checkpoint id. Afterwards the epoch's output is complete, and
 *    invisible; for `durable` it survives a crash. An empty epoch has a handle too.
 * 3. Staged bytes are compared with a digest before they become visible, and refused when they
 *    differ. `commit(handle)` works any number of times, for `durable` from a fresh process, and answers
 *    `applied`, `already-applied` or `absent`. It throws when it does not know. "Not found" is
 *    never read as "already committed": the marker is.
 * 4. `inspect` reads what is prepared first and the marker second, so that a commit between the two
 *    is seen. "Busy" is unknown: it throws, to be asked again. There is a marker per checkpoint id,
 *    written in the same transaction as the data, with the store id, kept for as long as a manifest
 *    may name it.
 * 5. `rollback({ keep })` discards everything uncommitted except `keep`, known or unknown to any
 *    manifest, and is idempotent. "Not found" without a look at the marker is an error.
 * 6. `listPrepared` lists what this pipeline left prepared.
 * 7. Durable names are `pipeline/sink/generation/checkpoint id`, never reused.
 * 8. After a failed write the session refuses `preCommit` of that attempt.
 * 9. `maxPreparedLifetimeMs`, `maxEpochMs` and `maxPrepared` are declared where they are limited.
 * 10. `openReadOnly` allows the questions only; it fences nothing and creates nothing.
 *
 * `write` and `preCommit` are called one at a time. `commit`, `inspect` and `rollback` of earlier
 * checkpoints may run while later records are written.
 */
export interface TwoPhaseSink<Rec = unknown> {
  readonly durability: 'durable' | 'last-resource';
  /** How long a prepared epoch is kept by the system behind the sink; default: without end. */
  readonly maxPreparedLifetimeMs?: number;
  /**
   * How long an epoch may be open, from its first record to its commit, before the system behind the
   * sink discards it; default: without end.
   */
  readonly maxEpochMs?: number;
  /** What it costs others, as a part of a sentence: it stands in `explain` behind the guarantee. */
  readonly caution?: string;
  /** How many epochs may be prepared at once; default 1. */
  readonly maxPrepared?: number;
  open(owner: SinkOwner, options: CallOptions): Promise<TwoPhaseSinkSession<Rec>>;
  openReadOnly(
    identity: Omit<SinkOwner, 'generation'>,
    options: CallOptions,
  ): Promise<SinkInspector>;
}

/** A sink without two phases, in the hands of one generation. */
export interface FlushingSinkSession<Rec = unknown> {
  readonly recordForm?: RecordForm<Rec> | undefined;
  write(records: readonly Rec[]): void | Promise<void>;
  /** Everything written before is in effect when this returns. Called at each barrier. */
  flush(options: CallOptions): void | Promise<void>;
  close?(): void | Promise<void>;
}

/**
 * A sink without a prepare: `idempotent` is effectively once with deterministic operators and
 * writes that the sink orders or fences; `at-least-once` may write twice after a crash. Recovery
 * never asks it anything.
 */
export interface FlushingSink<Rec = unknown> {
  readonly durability: 'idempotent' | 'at-least-once';
  /**
   * Whether a late write of an older generation can no longer overtake a newer one, by an order the
   * sink keeps or by a fence. Default false: then upserts by key can go back in time after a crash.
   */
  readonly ordersWrites?: boolean;
  open(owner: SinkOwner, options: CallOptions): Promise<FlushingSinkSession<Rec>>;
}

/** A sink of any class: two-phase, or one that only flushes. */
export type Sink<Rec = unknown> = TwoPhaseSink<Rec> | FlushingSink<Rec>;
/** An open sink of any class. */
export type SinkSession<Rec = unknown> = TwoPhaseSinkSession<Rec> | FlushingSinkSession<Rec>;

export function isTwoPhase<Rec>(sink: Sink<Rec>): sink is TwoPhaseSink<Rec> {
  return sink.durability !== 'idempotent' && sink.durability !== 'at-least-once';
}
