// Who runs which task: the port for what assigns tasks to processes, and notices that one is dead.

import type { CallOptions } from '../contracts/source.js';

/**
 * What an assigner calls. None of the calls throws. Two processes may run one task for a while: the
 * assignment is advice, the generation of the task's store is the fence.
 */
export interface AssignmentListener {
  /**
   * These tasks are to run here: new ones, and those that run already, which stay.
   *
   * @param partitions How many tasks there are in all; a change of it ends the run.
   */
  assigned(tasks: readonly number[], partitions: number): void;
  /**
   * They are to move, and the assigner waits with it: settles when their final checkpoints are taken,
   * or the bound for it is over.
   */
  revoked(tasks: readonly number[]): Promise<void>;
  /** Another process may run them already: they end at once, without a final checkpoint. */
  lost(tasks: readonly number[]): void;
  /** The assigner cannot be reached, or the assignment cannot be used: it tries again by itself. */
  troubled(error: Error): void;
}

/**
 * Obligations on an assigner:
 *
 * 1. Every task is assigned to some process soon after it has none, however a process ended.
 * 2. It stays with its process while both live, as far as the load allows: each move costs a start.
 * 3. `revoked` is called where the assigner can wait before it moves a task, `lost` where it cannot.
 * 4. Where it cannot be reached, nothing is lost by that alone: tasks go on until another is named.
 */
export interface Assigner {
  /**
   * Takes part from now on. Called once.
   *
   * @throws TidegateError `TIDEGATE_TASKS_PARTITIONS` where inputs differ in their number of partitions.
   */
  join(listener: AssignmentListener, options: CallOptions): Promise<JoinedAssigner>;
}

/** An assigner that has joined, until it is left. */
export interface JoinedAssigner {
  /** Gives up every task at once; nothing is called from then on. Never fails. */
  leave(): Promise<void>;
}
