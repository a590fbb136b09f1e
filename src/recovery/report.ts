// What recovery found, decided and did, as data.

import type { CheckpointId, Epoch, Generation } from '../ids.js';

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

export interface RecoveryReport {
  readonly generation: Generation;
  /** Number and label of the row of the recovery table that decided. */
  readonly row: { readonly number: number; readonly label: string };
  readonly examined: number;
  readonly skipped: readonly SkippedCheckpoint[];
  readonly sinks: readonly SinkReport[];
  /** The checkpoint that is resumed; absent after a refusal. */
  readonly resumed?: { readonly id: CheckpointId; readonly epoch: Epoch };
  /** Findings that did not prevent the recovery: topology, pipeline hash, validation. */
  readonly warnings: readonly string[];
  readonly durationMs: number;
}
