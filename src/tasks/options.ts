// The options of a run of tasks, checked in one go.

import {
  callback,
  completeOptions,
  contract,
  custom,
  flag,
  nested,
  required,
  whole,
  type OptionTable,
} from '../options.js';
import type { CheckpointSettings } from '../coordinator/options/checkpoint-options.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { BackoffBounds } from '../runtime/backoff.js';
import { systemClock, type Clock } from '../runtime/clock.js';
import { silentLogger, type Logger } from '../runtime/logger.js';
import { systemRandom, type Random } from '../runtime/random.js';
import type { CheckpointStore } from '../store/checkpoint-store.js';
import type { Assigner } from './assigner.js';
import type { Task } from './task.js';

/** Options of `runTasks`. */
export interface TasksOptions {
  /** Such as `kafkaGroup(…)`. */
  readonly assigner: Assigner;
  /**
   * The store of a task: the same one on every machine, and another one for each task, such as a prefix
   * `task.name('orders')`. Also called for tasks of other processes, whose stores are only read.
   */
  readonly store: (task: Task) => CheckpointStore | Promise<CheckpointStore>;
  /** The pipeline of a task, named by `task.name(…)`; built anew at each start of it. */
  readonly build: (task: Task) => Pipeline | Promise<Pipeline>;
  /** Intervals, bounds and policies of every task. */
  readonly checkpoint?: CheckpointSettings;
  /**
   * Tasks that run here at a time, at most; further ones wait, and have no owner meanwhile. Default: all
   * that are assigned.
   */
  readonly maxTasks?: number;
  /** Tasks that load their state at a time, at most. Default 4. */
  readonly maxStarts?: number;
  readonly timeouts?: TaskTimeouts;
  /** The pauses before a task is started again. Default 500 ms to 30 s. */
  readonly restart?: BackoffBounds;
  /**
   * The first failure of a task ends the run, in order, and `done` is rejected with it. Default false: the
   * task is started again, and the others go on. An overtaken task is no failure.
   */
  readonly failFast?: boolean;
  /** Ends the run in order when it is aborted, as SIGTERM does. */
  readonly signal?: AbortSignal;
  /** SIGTERM and SIGINT end the run in order, a second one at once. Default true. */
  readonly handleSignals?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** Bounds of a task, in milliseconds. */
export interface TaskTimeouts {
  /** For the final checkpoint of a task that is to move or to end. Default 15 000. */
  readonly stopMs?: number;
  /** For closing what has no final checkpoint; afterwards it is left alone. Default 5 000. */
  readonly closeMs?: number;
  /** For how long a task that recovers keeps others from starting. Default 10 000. */
  readonly startMs?: number;
}

const ms = { min: 1, unit: 'milliseconds' };

const optionTable = {
  assigner: required(contract(['join'])),
  store: required(callback()),
  build: required(callback()),
  checkpoint: custom(),
  maxTasks: whole({ min: 1 }, Number.MAX_SAFE_INTEGER),
  maxStarts: whole({ min: 1 }, 4),
  timeouts: nested<TaskTimeouts>({
    stopMs: whole(ms, 15_000),
    closeMs: whole(ms, 5_000),
    startMs: whole(ms, 10_000),
  }),
  restart: nested<BackoffBounds>({ firstMs: whole(ms, 500), maxMs: whole(ms, 30_000) }),
  failFast: flag(false),
  signal: contract(['addEventListener', 'removeEventListener']),
  handleSignals: flag(true),
  clock: contract<Clock>(['now', 'monotonicMs', 'setTimer'], systemClock),
  random: contract<Random>(['next', 'bytes'], systemRandom),
  logger: contract<Logger>(['debug', 'info', 'warn', 'error'], silentLogger),
} satisfies OptionTable<TasksOptions>;

/** @throws TidegateError `TIDEGATE_OPTIONS`, with every problem. */
export function tasksOptions(options: TasksOptions) {
  const completed = completeOptions('runTasks', options, optionTable);
  return {
    ...completed,
    timeouts: completed.timeouts as Required<TaskTimeouts>,
    restart: completed.restart as Required<BackoffBounds>,
  };
}

export type CheckedTasksOptions = ReturnType<typeof tasksOptions>;
