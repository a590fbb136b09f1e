// The settings of a coordinator: plain data with defaults, checked in one go.

import { unknownNames } from '../../given.js';
import { DEFAULT_VNODE_COUNT } from '../../manifest/types.js';
import type { RecoveryOptions } from '../../recovery/request.js';

/** Bounds of the steps, in milliseconds. */
export interface StepBounds {
  readonly alignmentTimeoutMs: number;
  readonly snapshotTimeoutMs: number;
  readonly preCommitTimeoutMs: number;
  readonly persistTimeoutMs: number;
  readonly commitTimeoutMs: number;
  readonly acknowledgeTimeoutMs: number;
}

/** Every setting. Milliseconds and bytes unless the name says otherwise. */
export interface CheckpointOptions extends RecoveryOptions, StepBounds {
  /** From the end of one attempt to the next. Default 10 000; 0: only on demand. */
  readonly intervalMs: number;
  /** Least pause after an attempt, whatever the interval. Default 0. */
  readonly minPauseMs: number;
  /** Step 1: until the barrier has passed everything. Default 30 000. */
  readonly alignmentTimeoutMs: number;
  /** Step 2. Default 120 000. */
  readonly snapshotTimeoutMs: number;
  /** Step 3. Default 30 000. */
  readonly preCommitTimeoutMs: number;
  /** Steps 4, 5 and 7, each. Default 120 000. */
  readonly persistTimeoutMs: number;
  /** Step 6, retries included. Default 60 000. */
  readonly commitTimeoutMs: number;
  /** Acknowledging sources and pruning, after step 7. Default 10 000. */
  readonly acknowledgeTimeoutMs: number;
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

const mebibyte = 1_048_576;

export const defaultCheckpointOptions: CheckpointOptions = {
  intervalMs: 10_000,
  minPauseMs: 0,
  alignmentTimeoutMs: 30_000,
  snapshotTimeoutMs: 120_000,
  preCommitTimeoutMs: 30_000,
  persistTimeoutMs: 120_000,
  commitTimeoutMs: 60_000,
  acknowledgeTimeoutMs: 10_000,
  maxCheckpointBytes: 1024 * mebibyte,
  maxInlineBytes: 8 * mebibyte,
  stateInlineThresholdBytes: mebibyte,
  tolerableFailures: 3,
  skipWhenIdle: true,
  retainedCheckpoints: 3,
  sinkConcurrency: 8,
  maxQueuedRecords: 10_000,
  maxQueuedBytes: 8 * mebibyte,
  maxOutageMs: 0,
  checkStateAliasing: false,
  inDoubtPolicy: 'roll-back',
  inDoubtTimeoutMs: 600_000,
  callTimeoutMs: 30_000,
  strictness: 'strict',
  pipelineHashMismatch: 'warn',
  vnodeCount: DEFAULT_VNODE_COUNT,
};

/** Smallest and largest value of each number. */
const ranges: Readonly<Record<NumberOption, readonly [number, number]>> = {
  intervalMs: [0, Number.MAX_SAFE_INTEGER],
  minPauseMs: [0, Number.MAX_SAFE_INTEGER],
  alignmentTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
  snapshotTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
  preCommitTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
  persistTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
  commitTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
  acknowledgeTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
  maxCheckpointBytes: [1, Number.MAX_SAFE_INTEGER],
  maxInlineBytes: [0, Number.MAX_SAFE_INTEGER],
  stateInlineThresholdBytes: [0, Number.MAX_SAFE_INTEGER],
  tolerableFailures: [0, Number.MAX_SAFE_INTEGER],
  retainedCheckpoints: [1, Number.MAX_SAFE_INTEGER],
  sinkConcurrency: [1, 1_024],
  maxQueuedRecords: [1, Number.MAX_SAFE_INTEGER],
  maxQueuedBytes: [1, Number.MAX_SAFE_INTEGER],
  maxOutageMs: [0, Number.MAX_SAFE_INTEGER],
  inDoubtTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
  callTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
  vnodeCount: [1, 65_535],
};

const choices: Readonly<Record<ChoiceOption, readonly string[]>> = {
  inDoubtPolicy: ['roll-back', 'roll-forward', 'halt'],
  strictness: ['strict', 'lenient'],
  pipelineHashMismatch: ['warn', 'refuse'],
};

const flags: readonly FlagOption[] = ['skipWhenIdle', 'checkStateAliasing'];

/** A name that every object has, such as `constructor`, is none of them. */
const settingNames = Object.fromEntries(
  Object.keys(defaultCheckpointOptions).map((name) => [name, true as const]),
);

/** The settings with their defaults, and what is wrong with them, one sentence each. */
export function completeOptions(given: Partial<CheckpointOptions>): {
  readonly options: CheckpointOptions;
  readonly problems: readonly string[];
} {
  const known = new Map<string, unknown>(Object.entries(given));
  const problems: string[] = [];
  for (const name of unknownNames(given, settingNames)) {
    problems.push(`there is no setting ${name}`);
  }
  const defined = Object.fromEntries([...known].filter(([, value]) => value !== undefined));
  const options: CheckpointOptions = { ...defaultCheckpointOptions, ...defined };
  problems.push(...rangeProblems(options), ...choiceProblems(options));
  return { options, problems };
}

function rangeProblems(options: CheckpointOptions): readonly string[] {
  const problems: string[] = [];
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const value: unknown = options[name as NumberOption];
    if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) continue;
    problems.push(`${name} is ${String(value)}, not a whole number from ${least} to ${most}`);
  }
  for (const name of flags) {
    const value: unknown = options[name];
    if (typeof value !== 'boolean') problems.push(`${name} is ${String(value)}, not true or false`);
  }
  return problems;
}

function choiceProblems(options: CheckpointOptions): readonly string[] {
  const problems: string[] = [];
  for (const [name, allowed] of Object.entries(choices)) {
    const value: unknown = options[name as ChoiceOption];
    if (allowed.includes(String(value))) continue;
    problems.push(`${name} is ${String(value)}, not one of ${allowed.join(', ')}`);
  }
  return problems;
}

type OptionsOfType<Value> = {
  [Name in keyof CheckpointOptions]: CheckpointOptions[Name] extends Value ? Name : never;
}[keyof CheckpointOptions];
type NumberOption = OptionsOfType<number>;
type FlagOption = OptionsOfType<boolean>;
type ChoiceOption = Exclude<keyof CheckpointOptions, NumberOption | FlagOption>;
