// What a run of tasks says of itself: its events, and its state as plain data.

import type { CheckpointCoordinator } from '../coordinator/coordinator.js';
import type { ErrorJson } from '../error-json.js';
import type { Task } from './task.js';

/** Where a task is. `idle`: it is not assigned to this process. */
export type TaskState =
  | 'idle'
  | 'waiting'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'closing'
  | 'backing-off'
  | 'finished'
  | 'failed';

/** Every event and what it carries. Listeners only observe. */
export interface TasksEvents {
  /** The assigner has said what runs here. */
  assigned: [{ readonly tasks: readonly number[]; readonly partitions: number }];
  revoked: [{ readonly tasks: readonly number[] }];
  lost: [{ readonly tasks: readonly number[] }];
  'task-changed': [{ readonly partition: number; readonly state: TaskState }];
  /** A task is about to recover: its coordinator, to watch. */
  'task-prepared': [{ readonly task: Task; readonly coordinator: CheckpointCoordinator }];
  /** Another process has overtaken it while it was assigned here: it starts again after the pause. */
  'task-fenced': [TaskTrouble];
  /** It starts again after the pause; with `failFast` the run ends. */
  'task-failed': [TaskTrouble];
  /** The assigner cannot be reached, or its assignment cannot be used. Tasks go on. */
  'assigner-troubled': [{ readonly error: Error }];
}

/** A task that has ended without being asked to, and what is done about it. */
export interface TaskTrouble {
  readonly partition: number;
  readonly error: unknown;
  /** In a row. */
  readonly failures: number;
  readonly pauseMs: number;
}

/** What `status()` says of one task. */
export interface TaskStatus {
  readonly partition: number;
  readonly state: TaskState;
  /** Of its coordinator; undefined before it has recovered. */
  readonly generation: number | undefined;
  /** Its newest complete checkpoint. */
  readonly checkpointId: number | undefined;
  readonly failures: number;
  /** Of the newest failure; undefined once it has run for a while. */
  readonly error: unknown;
}

/** What `status()` says of all tasks. */
export interface TasksStatus {
  /** `joining` until the assigner has answered for the first time. */
  readonly phase: 'joining' | 'running' | 'stopping' | 'stopped';
  /** How many tasks there are on all machines; undefined while joining. */
  readonly partitions: number | undefined;
  /** Those of this process, by partition. */
  readonly tasks: readonly TaskStatus[];
}

/** `TasksStatus` as `JSON.stringify` writes it: no stack, no secret. */
export interface TasksJson extends Omit<TasksStatus, 'tasks'> {
  readonly tasks: readonly (Omit<TaskStatus, 'error'> & { readonly error?: ErrorJson })[];
}
