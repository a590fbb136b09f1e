// An assigner for tests: the test says who runs which task, and may be wrong about it.

import { TidegateError } from '../errors.js';
import type { Assigner, AssignmentListener } from '../tasks/assigner.js';

interface Member {
  readonly listener: AssignmentListener;
  readonly tasks: Set<number>;
}

/**
 * The group of the processes of a test. Tasks are moved by the test alone: one may be assigned to two
 * members, or to one that has not heard yet that it lost it.
 */
export class SimulatedAssigner {
  /** How many tasks there are; change it to see it refused. */
  partitions: number;
  readonly #members = new Map<string, Member>();

  constructor({ partitions }: { readonly partitions: number }) {
    this.partitions = partitions;
  }

  /** Names of those that have joined and not left, in the order in which they joined. */
  get members(): readonly string[] {
    return [...this.#members.keys()];
  }

  /** What this group believes that a member runs. */
  tasksOf(name: string): readonly number[] {
    return [...this.#member(name).tasks].sort((one, other) => one - other);
  }

  /** The assigner of one process. A name is used again once its member has left or died. */
  assigner(name: string): Assigner {
    return {
      join: (listener) => {
        const member = { listener, tasks: new Set<number>() };
        this.#members.set(name, member);
        return Promise.resolve({
          leave: () => {
            if (this.#members.get(name) === member) this.#members.delete(name);
            return Promise.resolve();
          },
        });
      },
    };
  }

  assign(name: string, tasks: readonly number[]): void {
    const member = this.#member(name);
    for (const task of tasks) member.tasks.add(task);
    member.listener.assigned(this.tasksOf(name), this.partitions);
  }

  /** Settles when the member has given them up. */
  async revoke(name: string, tasks: readonly number[]): Promise<void> {
    const member = this.#member(name);
    for (const task of tasks) member.tasks.delete(task);
    await member.listener.revoked(tasks);
  }

  lose(name: string, tasks: readonly number[]): void {
    const member = this.#member(name);
    for (const task of tasks) member.tasks.delete(task);
    member.listener.lost(tasks);
  }

  /** The member hears nothing of it: its process is dead, or stands still. */
  forget(name: string): void {
    this.#members.delete(name);
  }

  trouble(name: string, error: Error): void {
    this.#member(name).listener.troubled(error);
  }

  #member(name: string): Member {
    const member = this.#members.get(name);
    if (member !== undefined) return member;
    throw new TidegateError('TIDEGATE_OPTIONS', `${name} has not joined the simulated group`);
  }
}
