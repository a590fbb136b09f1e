// The life of one task in one process, as a pure machine: from its assignment to its end.

import type { TaskState } from './events.js';
import { assign, fromCallback, sendTo, setup } from 'xstate';
import { isTidegateError, TidegateError } from '../errors.js';

/** What a task is bound by, in milliseconds. */
interface TaskBounds {
  readonly stopMs: number;
  readonly closeMs: number;
  /** A task that has run for this long has got over its failures. */
  readonly steadyMs: number;
}

export interface TaskInput extends TaskBounds {
  readonly partition: number;
  /** Any failure but that of an overtaken owner ends the whole run. */
  readonly failFast: boolean;
  /** The pause before the next start, from the number of failures in a row. */
  readonly pauseMs: (failures: number) => number;
}

export interface TaskContext extends TaskInput {
  readonly isAssigned: boolean;
  readonly failures: number;
  readonly nextPauseMs: number;
  readonly error: unknown;
}

export type TaskEvent =
  /** Of the assigner. */
  | { readonly type: 'assigned' | 'revoked' | 'lost' }
  /** Of its pipeline: a slot is free, it has recovered, its input is finished, it has ended. */
  | { readonly type: 'begins' | 'recovered' | 'finished' | 'ended' }
  | { readonly type: 'broke'; readonly error: unknown };

/** What the pipeline of a task is asked for: an end with a final checkpoint, or at once. */
export interface TaskOrder {
  readonly type: 'stop' | 'close';
}

export const taskMachine = setup({
  types: {
    context: {} as TaskContext,
    input: {} as TaskInput,
    events: {} as TaskEvent,
    tags: {} as TaskState,
  },
  actors: {
    life: fromCallback<TaskOrder, TaskInput>(() => {
      throw new TidegateError('TIDEGATE_BUG', 'no pipeline was given to the machine of a task');
    }),
  },
  actions: {
    keep: assign({ isAssigned: true }),
    give: assign({ isAssigned: false }),
    forget: assign({ failures: 0, error: undefined }),
    count: assign(({ context }, { error }: { readonly error: unknown }) => ({
      error,
      failures: context.failures + 1,
      nextPauseMs: context.pauseMs(context.failures),
    })),
  },
  guards: {
    isAssigned: ({ context }) => context.isAssigned,
    endsAll: ({ context }, { error }: { readonly error: unknown }) =>
      isCausedBy(error, 'TIDEGATE_TASKS_PARTITIONS') ||
      (context.failFast && !isCausedBy(error, 'TIDEGATE_FENCED')),
  },
  delays: {
    stopMs: ({ context }) => context.stopMs,
    closeMs: ({ context }) => context.closeMs,
    steadyMs: ({ context }) => context.steadyMs,
    pauseMs: ({ context }) => context.nextPauseMs,
  },
}).createMachine({
  id: 'task',
  initial: 'idle',
  context: ({ input }) => ({
    ...input,
    isAssigned: false,
    failures: 0,
    nextPauseMs: 0,
    error: undefined,
  }),
  on: {
    assigned: { actions: 'keep' },
    revoked: { actions: 'give' },
    lost: { actions: 'give' },
  },
  states: {
    idle: {
      tags: 'idle',
      entry: 'forget',
      on: { assigned: { target: 'active', actions: 'keep' } },
    },
    active: {
      description: 'It has a pipeline, or waits for a slot to start one.',
      initial: 'waiting',
      invoke: { src: 'life', id: 'life', input: ({ context }) => context },
      on: {
        finished: 'finished',
        broke: [
          {
            guard: { type: 'endsAll', params: ({ event }) => event },
            target: 'failed',
            actions: { type: 'count', params: ({ event }) => event },
          },
          { target: 'backing-off', actions: { type: 'count', params: ({ event }) => event } },
        ],
      },
      states: {
        waiting: {
          tags: 'waiting',
          on: {
            begins: 'starting',
            revoked: { target: 'closing', actions: 'give' },
            lost: { target: 'closing', actions: 'give' },
          },
        },
        starting: {
          tags: 'starting',
          description: 'It recovers. Nothing has been read, so that there is nothing to commit.',
          on: {
            recovered: 'running',
            revoked: { target: 'closing', actions: 'give' },
            lost: { target: 'closing', actions: 'give' },
          },
        },
        running: {
          tags: 'running',
          after: { steadyMs: { actions: 'forget' } },
          on: {
            revoked: { target: 'stopping', actions: 'give' },
            lost: { target: 'closing', actions: 'give' },
          },
        },
        stopping: {
          tags: 'stopping',
          description: 'A final checkpoint, within a bound: another process waits for the task.',
          entry: sendTo('life', { type: 'stop' }),
          after: { stopMs: 'closing' },
          on: {
            lost: { target: 'closing', actions: 'give' },
            finished: '#left',
            ended: '#left',
            broke: '#left',
          },
        },
        closing: {
          tags: 'closing',
          description: 'It ends as a crash would end it: the next owner goes on.',
          entry: sendTo('life', { type: 'close' }),
          // What hangs is left alone: a newer generation fences it.
          after: { closeMs: '#left' },
          on: { finished: '#left', ended: '#left', broke: '#left' },
        },
      },
    },
    left: {
      id: 'left',
      always: [{ guard: 'isAssigned', target: 'active' }, { target: 'idle' }],
    },
    'backing-off': {
      tags: 'backing-off',
      description: 'It failed, or another process has overtaken it: it starts again after a pause.',
      after: { pauseMs: 'active' },
      on: {
        // Another look at who is alive has come to the same: it is ours.
        assigned: { target: 'active', actions: 'keep' },
        revoked: { target: 'idle', actions: 'give' },
        lost: { target: 'idle', actions: 'give' },
      },
    },
    finished: {
      tags: 'finished',
      description: 'All of its input is processed and committed.',
      on: {
        revoked: { target: 'idle', actions: 'give' },
        lost: { target: 'idle', actions: 'give' },
      },
    },
    failed: { tags: 'failed', type: 'final', description: 'The whole run ends because of it.' },
  },
});

/** Whether an error has this code, at any depth of causes. */
export function isCausedBy(error: unknown, code: TidegateError['code']): boolean {
  let cause = error;
  for (let depth = 0; depth < maxDepth && cause instanceof Error; depth += 1) {
    if (isTidegateError(cause) && cause.code === code) return true;
    cause = cause.cause;
  }
  return false;
}

const maxDepth = 10;
