// The settings of a coordinator: one table with ranges and defaults, checked in one go.

import { isObject } from '../../given.js';
import { DEFAULT_VNODE_COUNT } from '../../manifest/types.js';
import {
  flag,
  nested,
  oneOf,
  valueProblems,
  whole,
  withDefaults,
  type OptionTable,
} from '../../options.js';
import type { RecoveryOptions, RecoveryTimeouts } from '../../recovery/request.js';

/** Bounds of the steps, in milliseconds. */
export interface StepTimeouts {
  /** Step 1: until the barrier has passed everything. Default 30 000. */
  readonly alignmentMs: number;
  /** Step 2. Default 120 000. */
  readonly snapshotMs: number;
  /** Step 3. Default 30 000. */
  readonly preCommitMs: number;
  /** Steps 4, 5 and 7, each. Default 120 000. */
  readonly persistMs: number;
  /** Step 6, retries included. Default 60 000. */
  readonly commitMs: number;
  /** Acknowledging sources and pruning, after step 7. Default 10 000. */
  readonly acknowledgeMs: number;
}

/** Every bound in time, in milliseconds. */
export interface Timeouts extends StepTimeouts, RecoveryTimeouts {}

/** Every setting. Milliseconds and bytes unless the name says otherwise. */
export interface CheckpointOptions extends RecoveryOptions {
  /** Bounds in time. */
  readonly timeouts: Timeouts;
  /** From the end of one attempt to the next. Default 10 000; 0: only on demand. */
  readonly intervalMs: number;
  /** Least pause after an attempt, whatever the interval. Default 0. */
  readonly minPauseMs: number;
  /**
   * Failures in a row that are recovered from; one more halts. Default 3. A complete checkpoint ends
   * the row, and so does a quiet time in which everything is committed.
   */
  readonly tolerableFailures: number;
  /** Take no checkpoint while nothing is new. Default true. */
  readonly skipWhenIdle: boolean;
  /** Complete checkpoints to keep. Default 3. */
  readonly retainedCheckpoints: number;
  /** Sinks that pre-commit or commit at once. Default 8. */
  readonly sinkConcurrency: number;
  /** Records that wait for one sink before its writer makes the caller wait. Default 10 000. */
  readonly maxQueuedRecords: number;
  /**
   * Estimated bytes of the records that wait in one queue before its writer has to wait: that
   * of each sink's writer, and in a pipeline each input of an operator with a queue. It can be
   * exceeded by one batch, which is about 1 MiB at most where records come from a source. Default
   * 8 MiB.
   */
  readonly maxQueuedBytes: number;
  /** Longest time the process may be away; a sink that forgets earlier is refused. Default 0. */
  readonly maxOutageMs: number;
  /** For development: fail when later records show in a snapshot. Costs one more encoding. */
  readonly checkStateAliasing: boolean;
}

/** The settings as a user gives them: all may be left out, also each timeout. */
export type CheckpointSettings = Partial<Omit<CheckpointOptions, 'timeouts'>> & {
  /** Bounds in time, in milliseconds. */
  readonly timeouts?: Partial<Timeouts>;
};

const mebibyte = 1_048_576;

const timeouts = {
  alignmentMs: whole({ min: 1 }, 30_000),
  snapshotMs: whole({ min: 1 }, 120_000),
  preCommitMs: whole({ min: 1 }, 30_000),
  persistMs: whole({ min: 1 }, 120_000),
  commitMs: whole({ min: 1 }, 60_000),
  acknowledgeMs: whole({ min: 1 }, 10_000),
  inDoubtMs: whole({ min: 1 }, 600_000),
  callMs: whole({ min: 1 }, 30_000),
} satisfies OptionTable<Timeouts>;

export const checkpointSettings = {
  intervalMs: whole({ min: 0 }, 10_000),
  minPauseMs: whole({ min: 0 }, 0),
  timeouts: nested<Timeouts>(timeouts),
  maxCheckpointBytes: whole({ min: 1 }, 1024 * mebibyte),
  maxInlineBytes: whole({ min: 0 }, 8 * mebibyte),
  stateInlineThresholdBytes: whole({ min: 0 }, mebibyte),
  tolerableFailures: whole({ min: 0 }, 3),
  skipWhenIdle: flag(true),
  retainedCheckpoints: whole({ min: 1 }, 3),
  sinkConcurrency: whole({ min: 1, max: 1_024 }, 8),
  maxQueuedRecords: whole({ min: 1 }, 10_000),
  maxQueuedBytes: whole({ min: 1 }, 8 * mebibyte),
  maxOutageMs: whole({ min: 0 }, 0),
  checkStateAliasing: flag(false),
  inDoubtPolicy: oneOf(['roll-back', 'roll-forward', 'halt'], 'roll-back'),
  strictness: oneOf(['strict', 'lenient'], 'strict'),
  pipelineHashMismatch: oneOf(['warn', 'refuse'], 'warn'),
  vnodeCount: whole({ min: 1, max: 65_535 }, DEFAULT_VNODE_COUNT),
} satisfies OptionTable<CheckpointOptions>;

/** What holds where nothing is given. */
export const defaultCheckpointOptions = completeSettings();

/** The settings with their defaults; what is wrong is refused elsewhere, and is all default here. */
export function completeSettings(given: CheckpointSettings = {}): CheckpointOptions {
  const isUsable = isObject(given) && valueProblems(given, checkpointSettings).length === 0;
  const completed: unknown = withDefaults(isUsable ? given : {}, checkpointSettings);
  return completed as CheckpointOptions;
}
