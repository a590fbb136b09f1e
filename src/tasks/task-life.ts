// One run of one task: a slot, its store and pipeline, and the run until it ends or is asked to.

import PQueue from 'p-queue';
import { TidegateError } from '../errors.js';
import type { CheckpointCoordinator } from '../coordinator/coordinator.js';
import type { PreparedRun, RunReport } from '../pipeline/prepared-run.js';
import { abortReason, sharedAbort } from '../runtime/abort.js';
import { sleep } from '../runtime/deadline.js';
import type { TaskEvent, TaskOrder } from './machine.js';
import type { CheckedTasksOptions } from './options.js';
import { checkPartitionCount, partitionMetadata } from './partition-count.js';
import type { Task } from './task.js';

/** What all tasks of a process share. */
export class TaskSlots {
  /** One for each task that runs, and one for each that loads its state. */
  readonly runs: PQueue;
  readonly starts: PQueue;

  constructor({ maxTasks, maxStarts }: CheckedTasksOptions) {
    this.runs = new PQueue({ concurrency: maxTasks });
    this.starts = new PQueue({ concurrency: maxStarts });
  }
}

export interface TaskLifeOptions {
  readonly task: Task;
  readonly options: CheckedTasksOptions;
  readonly slots: TaskSlots;
  readonly send: (event: TaskEvent) => void;
  /** Called before it recovers. */
  readonly prepared: (coordinator: CheckpointCoordinator) => void;
}

export class TaskLife {
  readonly #life: TaskLifeOptions;
  readonly #stopping = sharedAbort();
  readonly #closing = sharedAbort();
  #run: PreparedRun | undefined;

  constructor(life: TaskLifeOptions) {
    this.#life = life;
    void this.#live();
  }

  order({ type }: TaskOrder): void {
    if (type === 'stop') this.#stopping.abort();
    else this.close();
  }

  /** As a crash would; also of a run that is being prepared, which then ends. */
  close(): void {
    this.#closing.abort(new Error('the task is closed'));
    void this.#run?.coordinator[Symbol.asyncDispose]();
  }

  /** Never throws. */
  async #live(): Promise<void> {
    const { send, slots } = this.#life;
    const waiting = sharedAbort();
    const give = (): void => waiting.abort(abortReason(this.#closing.signal));
    this.#closing.signal.addEventListener('abort', give, { once: true });
    try {
      const outcome = await slots.runs.add(
        () => {
          // From here on an abort would let another begin beside this one.
          this.#closing.signal.removeEventListener('abort', give);
          return this.#work();
        },
        { signal: waiting.signal },
      );
      send({ type: outcome === 'stopped' ? 'ended' : 'finished' });
    } catch (error) {
      send({ type: 'broke', error });
    }
  }

  async #work(): Promise<RunReport['outcome']> {
    const { slots, send, task } = this.#life;
    send({ type: 'begins' });
    const { ended } = await slots.starts.add(() => this.#start());
    const { outcome } = await ended;
    const isAskedFor = this.#stopping.signal.aborted || this.#closing.signal.aborted;
    if (outcome !== 'stopped' || isAskedFor) return outcome;
    const { partition } = task;
    throw new TidegateError('TIDEGATE_TASKS_ENDED', `task ${partition} has ended by itself`);
  }

  /** Gives its place to the next one once it has recovered, or takes long. */
  async #start(): Promise<{ readonly ended: Promise<RunReport> }> {
    const { send, prepared, options } = this.#life;
    const { clock, timeouts } = options;
    const run = await this.#prepare();
    this.#run = run;
    prepared(run.coordinator);
    const { events } = run.coordinator;
    const hasRecovered = new Promise<void>((resolve) => {
      events.once('recovery-ended', () => {
        send({ type: 'recovered' });
        resolve();
      });
    });
    const ended = run.run();
    const settled = ended.then(nothing, nothing);
    const over = sharedAbort();
    await Promise.race([hasRecovered, settled, sleep(clock, timeouts.startMs, over.signal)]);
    over.abort();
    return { ended };
  }

  async #prepare(): Promise<PreparedRun> {
    const { task, options } = this.#life;
    const { signal } = this.#closing;
    signal.throwIfAborted();
    const store = await options.store(task);
    await checkPartitionCount(task, store, options.store, signal);
    const pipeline = await options.build(task);
    signal.throwIfAborted();
    if (!pipeline.name.endsWith(task.name(''))) {
      throw new TidegateError(
        'TIDEGATE_TASKS_NAME',
        `the pipeline of task ${task.partition} is named ${pipeline.name}: ` +
          `name it ${task.name(pipeline.name)}`,
      );
    }
    const { checkpoint, clock, random, logger } = options;
    return pipeline.prepare({
      store,
      // The dead are found by the assigner, and a generation fences those who live.
      liveOwner: 'take-over',
      handleSignals: false,
      signal: this.#stopping.signal,
      metadata: partitionMetadata(task),
      ...(checkpoint === undefined ? {} : { checkpoint }),
      clock,
      random,
      logger,
    });
  }
}

function nothing(): void {
  return undefined;
}
