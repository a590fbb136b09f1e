// Runs the tasks that are assigned to this process: each in a pipeline of its own, none beside itself.

import { EventEmitter } from 'eventemitter3';
import { errorJson } from '../error-json.js';
import { listenForSignals } from '../pipeline/stop-request.js';
import { sharedAbort } from '../runtime/abort.js';
import { harmlessLogger } from '../runtime/logger.js';
import type { AssignmentListener, JoinedAssigner } from './assigner.js';
import type { TasksEvents, TasksJson, TasksStatus } from './events.js';
import { tasksOptions, type CheckedTasksOptions, type TasksOptions } from './options.js';
import { otherCount } from './partition-count.js';
import { RunningTask } from './running-task.js';
import { TaskSlots } from './task-life.js';
import { taskOf } from './task.js';

/**
 * Takes part in running the tasks of a group of processes, until it is stopped: those that the assigner
 * gives to this process are recovered from their stores and run; a task that moves ends with a final
 * checkpoint where there is time for one. Whatever the assigner believes, the generation of a task's store
 * lets one process commit at a time.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`, with every problem.
 */
export function runTasks(options: TasksOptions): TasksRun {
  return new Runner(tasksOptions(options));
}

/** What `runTasks` gives. */
export interface TasksRun {
  readonly events: Pick<EventEmitter<TasksEvents>, 'on' | 'once' | 'off'>;
  /**
   * Settles when every task of this process has ended. Rejected with what ended the run: the first failure
   * under `failFast`, `TIDEGATE_TASKS_PARTITIONS`, or the error of an assigner that could not be joined.
   */
  readonly done: Promise<void>;
  /**
   * Ends every task with a final checkpoint, within `timeouts.stopMs`, then gives them up; settles as `done`.
   * What is not committed by then comes again, on whatever process runs the task next.
   */
  stop(): Promise<void>;
  status(): TasksStatus;
  toJSON(): TasksJson;
  /** As `stop`, without final checkpoints: as a crash would end it. */
  [Symbol.asyncDispose](): Promise<void>;
}

class Runner implements TasksRun {
  readonly events = new EventEmitter<TasksEvents>();
  readonly done: Promise<void>;
  readonly #options: CheckedTasksOptions;
  readonly #slots: TaskSlots;
  readonly #tasks = new Map<number, RunningTask>();
  readonly #ending = sharedAbort();
  #phase: TasksStatus['phase'] = 'joining';
  #partitions: number | undefined;
  #failure: { readonly error: unknown } | undefined;
  #closesAtOnce = false;

  constructor(options: CheckedTasksOptions) {
    this.#options = { ...options, logger: harmlessLogger(options.logger) };
    this.#slots = new TaskSlots(options);
    this.done = this.#run();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closeAtOnce();
    await this.done.catch(() => undefined);
  }

  status(): TasksStatus {
    const tasks = [...this.#tasks.values()]
      .map((task) => task.status())
      .filter(({ state }) => state !== 'idle')
      .sort((one, other) => one.partition - other.partition);
    return { phase: this.#phase, partitions: this.#partitions, tasks };
  }

  toJSON(): TasksJson {
    const { tasks, ...rest } = this.status();
    const plain = tasks.map(({ error, ...task }) =>
      error === undefined ? task : { ...task, error: errorJson(error) },
    );
    return { ...rest, tasks: plain };
  }

  async #run(): Promise<void> {
    const { signal, handleSignals } = this.#options;
    const atOnce = (): void => this.#closeAtOnce();
    const stopRequest = listenForSignals({ signal, handleSignals, atOnce });
    void stopRequest.requested.then(() => this.#ending.abort());
    try {
      const joined = await this.#join();
      await this.#untilEnding();
      this.#phase = 'stopping';
      await this.#giveUp([...this.#tasks.keys()], this.#closesAtOnce ? 'lost' : 'revoked');
      await joined?.leave();
    } finally {
      this.#phase = 'stopped';
      stopRequest.dispose();
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Undefined when it was asked to stop before it had joined. */
  async #join(): Promise<JoinedAssigner | undefined> {
    const { signal } = this.#ending;
    const joining = this.#options.assigner.join(this.#listener(), { signal });
    const first = await Promise.race([
      joining.catch((error: unknown) => this.#fail(error)),
      this.#untilEnding(),
    ]);
    if (first !== undefined) return first;
    joining.then(
      (late) => late.leave(),
      () => undefined,
    );
    return undefined;
  }

  #listener(): AssignmentListener {
    return {
      assigned: (tasks, partitions) => this.#assign(tasks, partitions),
      revoked: (tasks) => {
        this.#emit('revoked', { tasks });
        return this.#giveUp(tasks, 'revoked');
      },
      lost: (tasks) => {
        this.#emit('lost', { tasks });
        void this.#giveUp(tasks, 'lost');
      },
      troubled: (error) => {
        this.#options.logger.warn({ err: error }, 'the assigner of tasks is in trouble');
        this.#emit('assigner-troubled', { error });
      },
    };
  }

  #assign(tasks: readonly number[], partitions: number): void {
    if (this.#ending.signal.aborted) return;
    const was = this.#partitions ?? partitions;
    if (was !== partitions) {
      this.#fail(otherCount(was, partitions, 'this run began with'));
      return;
    }
    this.#partitions = partitions;
    this.#phase = 'running';
    this.#emit('assigned', { tasks, partitions });
    for (const partition of tasks) this.#task(partition, partitions).send('assigned');
  }

  #task(partition: number, partitions: number): RunningTask {
    const known = this.#tasks.get(partition);
    if (known !== undefined) return known;
    const made = new RunningTask(taskOf(partition, partitions), {
      options: this.#options,
      slots: this.#slots,
      emit: (event, ...carried) => this.#emit(event, ...carried),
      failed: (error) => this.#fail(error),
    });
    this.#tasks.set(partition, made);
    return made;
  }

  /** Settles when they have left, which their bounds make sure of. */
  async #giveUp(tasks: readonly number[], how: 'revoked' | 'lost'): Promise<void> {
    const known = tasks.flatMap((partition) => this.#tasks.get(partition) ?? []);
    for (const task of known) task.send(how);
    await Promise.all(known.map((task) => task.left()));
  }

  #closeAtOnce(): void {
    this.#closesAtOnce = true;
    this.#ending.abort();
    void this.#giveUp([...this.#tasks.keys()], 'lost');
  }

  #fail(error: unknown): undefined {
    this.#failure ??= { error };
    this.#ending.abort();
  }

  async #untilEnding(): Promise<undefined> {
    const { signal } = this.#ending;
    if (signal.aborted) return;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }

  #emit<Name extends keyof TasksEvents>(event: Name, ...carried: TasksEvents[Name]): void {
    try {
      this.events.emit(event, ...(carried as never));
    } catch (error) {
      this.#options.logger.error({ event, err: error }, 'a listener failed');
    }
  }
}
