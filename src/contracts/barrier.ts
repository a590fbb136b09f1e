// The barrier port: how the coordinator asks for a cut without knowing what the records flow through.

import type { CheckpointId, Epoch, Generation } from '../ids.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { OperatorSnapshot } from './operator.js';
import type { CallOptions, Offsets, SourceInput, SourcePosition } from './source.js';

/** The marker that flows with the records. It is matched by checkpoint id, never by epoch. */
export interface Barrier {
  readonly checkpointId: CheckpointId;
  readonly epoch: Epoch;
  readonly generation: Generation;
}

/**
 * Where the dataflow reports that the barrier has passed. Reports for another attempt, repeated
 * ones and late ones are counted and dropped.
 */
export interface CutListener {
  /** The barrier was injected; the position is the one at that point, between two records. */
  sourceReached(barrier: Barrier, source: string, position: SourcePosition): void;
  /** Position of the source behind a reference table. */
  tableReached(barrier: Barrier, table: string, position: SourcePosition): void;
  /** All inputs have delivered the barrier; the state was captured before any later record. */
  operatorReached(barrier: Barrier, operator: string, snapshot: OperatorSnapshot): void;
  /** Every record of the epoch was written to the sink's writer, and none of the next. */
  sinkReached(barrier: Barrier, sink: string): void;
  /** A participant cannot deliver; the attempt ends. */
  failed(barrier: Barrier, participant: string, error: unknown): void;
  /** The pipeline's watermark, the minimum over its sources, at the cut. */
  watermarkReached(barrier: Barrier, watermark: bigint): void;
}

/** What a writer may answer when there is room at once: a caller that knows it need not await it. */
export const roomAtOnce: Promise<void> = Promise.resolve();

/** Where the records of one generation go: a sink's writer. */
export interface SinkWriter<Rec = unknown> {
  /**
   * Takes records for the open epoch; resolves when there is room for more. The array is the
   * writer's until then. Records written after the barrier are held back where the sink cannot
   * take them yet. After a failure they are dropped, because the sources are about to be rewound.
   *
   * @throws TidegateError `TIDEGATE_FENCED` when the writer belongs to an older generation.
   */
  write(records: readonly Rec[]): Promise<void>;
}

/**
 * What befell a record. `skipped` and `dead-lettered`: it made a function throw, or its event time
 * cannot be determined or is too far ahead. `late`: it came after its window was over. `clamped`: its event
 * time was too far ahead and was put back to the bound.
 */
export type RecordTrouble = 'skipped' | 'dead-lettered' | 'late' | 'clamped';

/** Records of one operator or source that something befell. */
export interface TroubledRecords {
  /** Name of the operator, or of the source. */
  readonly operator: string;
  readonly trouble: RecordTrouble;
  /** Since the last report: a batch at most, or so. */
  readonly records: number;
  /** In this run; what a recovery has read again counts again. */
  readonly total: number;
}

/** Where a source is right now. */
export interface SourceStatus {
  /** Records read in this run; what a recovery has read again counts again. */
  readonly records: number;
  /** Lines read in this run, and those that gave no record; undefined where it reads no lines. */
  readonly input: SourceInput | undefined;
  /** Event time that it has come to, in milliseconds; undefined before the first one. */
  readonly watermark: number | undefined;
  /**
   * `idle`: silent for its `idleAfterMs`; `waiting`: ahead in event time, until its `alignment` lets
   * it go on; `retrying`: it fails, and is asked again; `ended`: at the end of its input.
   */
  readonly state: 'reading' | 'idle' | 'waiting' | 'retrying' | 'ended';
}

/** What a dataflow tells of itself while it runs. All counts are of this run, by name. */
export interface FlowStatus {
  readonly sources: ReadonlyMap<string, SourceStatus>;
  /** Records left out, under `skip` or `dead-letter`, by operator or source. */
  readonly skipped: ReadonlyMap<string, number>;
  /** Of these, the ones that went to the dead letters. */
  readonly deadLettered: ReadonlyMap<string, number>;
  /** Records that came after their window was over, by operator. */
  readonly late: ReadonlyMap<string, number>;
  /** Records whose event time was put back to the bound of `maxAheadMs`, by source. */
  readonly clamped: ReadonlyMap<string, number>;
}

/** A source has failed in a way that passes, and is asked again after a pause. */
export interface SourceWaiting {
  readonly source: string;
  readonly error: unknown;
  /** Failures in a row, this one included. */
  readonly failures: number;
  /** Until it is asked again. */
  readonly pauseMs: number;
}

/** It has answered again. */
export interface SourceBack {
  readonly source: string;
  readonly failures: number;
  /** From the first of these failures on. */
  readonly awayMs: number;
}

/** How a source that is away is waited for. */
export interface SourcePatience {
  readonly clock: Clock;
  readonly random: Random;
  /** From the first failure in a row on; then the flow fails. */
  readonly giveUpAfterMs: number;
  readonly waiting: (waiting: SourceWaiting) => void;
  readonly back: (back: SourceBack) => void;
}

/** What a dataflow gets when its records may flow. */
export interface Flow {
  readonly generation: Generation;
  readonly sinks: ReadonlyMap<string, SinkWriter>;
  /** A source or an operator has failed: only recovery can mend it. May be called at any time. */
  readonly failed?: (error: unknown) => void;
  /** Something befell records that neither stops the flow nor belongs to an attempt. */
  readonly troubled?: (records: TroubledRecords) => void;
  /** Without it the first failure of a source ends the flow. */
  readonly patience?: SourcePatience;
}

/**
 * The dataflow as the coordinator sees it. Obligations:
 *
 * 1. `inject` returns at once and never throws for a participant: it reports `failed`.
 * 2. Between the position of a source and its next record the barrier is on its way; an operator is
 *    captured when all its inputs have delivered the barrier and before any later record; a sink is
 *    reached when every record of the epoch is in its writer, and none of the next.
 * 3. `cancel` lets aligners go; the records stay in the open epoch. A barrier that arrives later is
 *    counted and dropped.
 * 4. `suspend` settles when nothing of the generation runs: no read, no operator call, no
 *    write, and every queue is empty. Only then are sources and operators put back.
 * 5. Nothing flows before `resume`, nor between `suspend` and the next `resume`. A `resume` that
 *    throws counts as a failure of the generation: recovery follows, and begins with `suspend`.
 */
export interface BarrierPort {
  /** Starts the barrier on its way. */
  inject(barrier: Barrier, listener: CutListener): void;
  /** The attempt was abandoned. */
  cancel(barrier: Barrier): void;
  /** The generation is over: everything in flight is dropped. */
  suspend(options: CallOptions): Promise<void>;
  /** Sources, operators and tables are where they should be: records may flow. */
  resume(flow: Flow): void;
  /**
   * Whether anything (a record, a watermark, a timer) has happened since the last cut that became a
   * checkpoint, at `offsets`. Without it every attempt is taken, also when there is nothing new.
   */
  hasNews?(offsets: ReadonlyMap<string, Offsets>): boolean | Promise<boolean>;
  /** Where it is and what it has counted, for people who watch. May be called at any time. */
  status?(): FlowStatus;
}
