// One task of this process, through all its assignments: its machine as an actor.

import { createActor, fromCallback, waitFor, type Actor } from 'xstate';
import type { CheckpointCoordinator } from '../coordinator/coordinator.js';
import { xstateClock } from '../coordinator/context.js';
import { backoffMs } from '../runtime/backoff.js';
import type { TasksEvents, TaskStatus, TaskState } from './events.js';
import {
  isCausedBy,
  taskMachine,
  type TaskEvent,
  type TaskInput,
  type TaskOrder,
} from './machine.js';
import type { CheckedTasksOptions } from './options.js';
import { TaskLife, type TaskSlots } from './task-life.js';
import type { Task } from './task.js';

interface TaskSurroundings {
  readonly options: CheckedTasksOptions;
  readonly slots: TaskSlots;
  readonly emit: <Name extends keyof TasksEvents>(
    event: Name,
    ...carried: TasksEvents[Name]
  ) => void;
  readonly failed: (error: unknown) => void;
}

export class RunningTask {
  readonly #task: Task;
  readonly #surroundings: TaskSurroundings;
  readonly #actor: Actor<typeof taskMachine>;
  #coordinator: CheckpointCoordinator | undefined;
  #state: TaskState = 'idle';
  #failures = 0;

  constructor(task: Task, surroundings: TaskSurroundings) {
    this.#task = task;
    this.#surroundings = surroundings;
    this.#actor = this.#createActor();
    this.#actor.subscribe(() => this.#changed());
    this.#actor.start();
  }

  send(type: 'assigned' | 'revoked' | 'lost'): void {
    this.#actor.send({ type });
  }

  async left(): Promise<void> {
    const isLeft = new Set<TaskState>(['idle', 'failed']);
    await waitFor(
      this.#actor,
      ({ tags, context }) =>
        context.isAssigned || [...(tags as ReadonlySet<TaskState>)].some((tag) => isLeft.has(tag)),
      { timeout: Infinity },
    );
  }

  status(): TaskStatus {
    const { failures, error } = this.#actor.getSnapshot().context;
    const status = this.#coordinator?.status();
    const { partition } = this.#task;
    return {
      partition,
      state: this.#state,
      generation: status?.generation,
      checkpointId: status?.complete?.checkpointId,
      failures,
      error,
    };
  }

  #createActor(): Actor<typeof taskMachine> {
    const { options, slots, emit } = this.#surroundings;
    const { timeouts, restart, failFast, random, clock } = options;
    const life = fromCallback<TaskOrder, TaskInput>(({ sendBack, receive }) => {
      const one = new TaskLife({
        task: this.#task,
        options,
        slots,
        send: (event: TaskEvent) => sendBack(event),
        prepared: (coordinator) => {
          this.#coordinator = coordinator;
          emit('task-prepared', { task: this.#task, coordinator });
        },
      });
      receive((order) => one.order(order));
      return () => one.close();
    });
    const { stopMs, closeMs } = timeouts;
    const bounds = { stopMs, closeMs, steadyMs: restart.maxMs };
    const pauseMs = (failures: number): number => backoffMs(failures, random.next(), restart);
    return createActor(taskMachine.provide({ actors: { life } }), {
      input: { ...bounds, failFast, pauseMs, partition: this.#task.partition },
      clock: xstateClock(clock),
    });
  }

  #changed(): void {
    const { tags, context } = this.#actor.getSnapshot();
    const [state = 'idle'] = tags as ReadonlySet<TaskState>;
    if (context.failures > this.#failures) this.#report(state === 'failed');
    this.#failures = context.failures;
    if (state === this.#state) return;
    this.#state = state;
    const { partition } = this.#task;
    this.#surroundings.emit('task-changed', { partition, state });
  }

  #report(isLast: boolean): void {
    const { error, failures, nextPauseMs: pauseMs } = this.#actor.getSnapshot().context;
    const { options, emit, failed } = this.#surroundings;
    const { partition } = this.#task;
    const isFenced = isCausedBy(error, 'TIDEGATE_FENCED');
    const what = isFenced ? 'another process has overtaken a task' : 'a task has failed';
    options.logger[isFenced ? 'info' : 'error']({ partition, failures, pauseMs, err: error }, what);
    emit(isFenced ? 'task-fenced' : 'task-failed', { partition, error, failures, pauseMs });
    if (isLast) failed(error);
  }
}
