// Many processes: `tidegate/tasks`.

export { runTasks } from './run-tasks.js';
export type { TasksRun } from './run-tasks.js';
export type { TasksOptions, TaskTimeouts } from './options.js';
export type { Task } from './task.js';
export type { Assigner, AssignmentListener, JoinedAssigner } from './assigner.js';
export type { BackoffBounds } from '../runtime/backoff.js';
export { kafkaGroup } from './kafka-group.js';
export type { KafkaGroupOptions } from './kafka-group.js';
export type {
  TasksEvents,
  TasksJson,
  TasksStatus,
  TaskState,
  TaskStatus,
  TaskTrouble,
} from './events.js';
