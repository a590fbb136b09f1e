// The barrier port: how the coordinator asks for a cut without knowing what the records flow through.

import type { AttemptId, CheckpointId, Epoch, Generation } from '../ids.js';
import type { OperatorSnapshot } from './operator.js';
import type { Offsets, SourcePosition } from './source.js';

/** The marker that flows with the records. It is matched by checkpoint id, never by epoch. */
export interface Barrier {
  readonly checkpointId: CheckpointId;
  readonly epoch: Epoch;
  readonly generation: Generation;
  readonly attempt: AttemptId;
  /**
   * A pinned replay: each source hands out exactly the records up to these offsets, then the
   * barrier. Absent for an ordinary cut, which is taken wherever the sources are.
   */
  readonly pinnedTo?: ReadonlyMap<string, Offsets>;
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

/** The dataflow as the coordinator sees it. */
export interface BarrierPort {
  /** Starts the barrier on its way and returns at once. */
  inject(barrier: Barrier, listener: CutListener): void;
  /** The attempt was abandoned: aligners let their inputs go; the records stay in the open epoch. */
  cancel(barrier: Barrier): void;
}
