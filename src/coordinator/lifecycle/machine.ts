// The life of a coordinator, from recovery to stop or halt, as a pure machine.

import { assign, fromCallback, fromPromise, not, sendTo, setup, stateIn } from 'xstate';
import { TidegateError } from '../../errors.js';
import type { Generation } from './generation.js';
import {
  cutShort,
  isBeyondRecovery,
  noSafePoint,
  notCommitted,
  refusalOf,
  theGeneration,
  unrecovered,
  type Blame,
  type Drain,
  type LifeContext,
  type LifeEvent,
  type LifeInput,
  type Phase,
  type Recovered,
} from './life-events.js';

export const lifeMachine = setup({
  types: {
    context: {} as LifeContext,
    input: {} as LifeInput,
    events: {} as LifeEvent,
    tags: {} as Phase,
  },
  actors: {
    recover: fromPromise<Recovered, LifeContext>(() => Promise.reject(notGiven('recovery'))),
    scheduler: fromCallback<Drain, Generation>(() => {
      throw notGiven('the scheduler');
    }),
  },
  actions: {
    blame: assign((_, { cause }: Blame) => ({ cause })),
    countFailure: assign(({ context }) => ({ failuresInARow: context.failuresInARow + 1 })),
    fails: assign((_, { cause }: Blame) => ({ failure: cause, waitsFor: undefined })),
    forgetFailures: assign({ failuresInARow: 0, waitsFor: undefined }),
    waits: assign((_, { problem }: { readonly problem: unknown }) => ({ waitsFor: problem })),
    recovered: assign((_, { report, ...rest }: Recovered) => ({
      report,
      ...(rest.kind === 'resumed' ? { generation: rest.generation, waitsFor: undefined } : {}),
    })),
    inProcess: assign({ occasion: 'in-process' }),
  },
  guards: {
    needsPerson: ({ context }, { cause }: Blame) =>
      isBeyondRecovery(cause) || context.failuresInARow >= context.tolerableFailures,
    cannotRepeat: ({ context }, { cause }: Blame) =>
      context.occasion === 'start' ||
      isBeyondRecovery(cause) ||
      context.failuresInARow >= context.tolerableFailures,
    isWaiting: ({ context }) => context.waitsFor !== undefined,
    cannotWait: ({ context }, { isLoop }: { readonly isLoop: boolean }) =>
      isLoop || context.waitsFor !== undefined,
  },
  delays: {
    /** A stop ends within a second while a server is down: nothing is in flight, so nothing is lost. */
    stopGraceMs: 900,
    /** A loop that has taken a batch and written nothing of it comes back within this time, or has ended. */
    loopSilenceMs: 1_000,
    safePointTimeoutMs: ({ context }) => context.safePointTimeoutMs,
  },
}).createMachine({
  id: 'life',
  initial: 'created',
  context: ({ input }) => ({ ...input, occasion: 'start', failuresInARow: 0 }),
  on: {
    close: {
      target: '.stopped',
      actions: { type: 'blame', params: ({ event }) => ({ cause: event.cause }) },
    },
  },
  states: {
    created: {
      tags: 'created',
      description: 'Nothing has been opened yet.',
      on: { start: 'settling', stop: 'stopped' },
    },
    settling: {
      id: 'settling',
      initial: 'recovering',
      exit: 'inProcess',
      invoke: {
        src: 'recover',
        id: 'recovery',
        input: ({ context }) => context,
        onDone: [
          {
            guard: ({ event }) => event.output.kind === 'refused',
            target: 'halted',
            actions: [
              { type: 'recovered', params: ({ event }) => event.output },
              { type: 'blame', params: ({ event }) => ({ cause: refusalOf(event.output) }) },
            ],
          },
          {
            guard: stateIn({ settling: 'stopping' }),
            target: '#draining',
            actions: { type: 'recovered', params: ({ event }) => event.output },
          },
          {
            target: 'serving',
            actions: { type: 'recovered', params: ({ event }) => event.output },
          },
        ],
        onError: [
          {
            guard: { type: 'cannotRepeat', params: ({ event }) => ({ cause: event.error }) },
            target: 'halted',
            actions: { type: 'blame', params: ({ event }) => ({ cause: event.error }) },
          },
          {
            guard: stateIn({ settling: 'stopping' }),
            target: 'stopped',
            actions: { type: 'blame', params: ({ context }) => unrecovered(context) },
          },
          { target: 'settling', reenter: true, actions: 'countFailure' },
        ],
      },
      states: {
        recovering: {
          tags: 'recovering',
          description:
            'Older owners are fenced, sinks are asked, everything goes back to one checkpoint.',
          on: {
            waiting: { actions: { type: 'waits', params: ({ event }) => event } },
            stop: [
              {
                guard: {
                  type: 'cannotWait',
                  params: ({ event }) => ({ isLoop: event.isLoop === true }),
                },
                target: '#stopped',
                actions: { type: 'blame', params: ({ context }) => unrecovered(context) },
              },
              { target: 'stopping' },
            ],
          },
        },
        stopping: {
          tags: 'recovering',
          description: 'A stop came meanwhile: recovery gets what is left of a second.',
          on: {
            waiting: {
              target: '#stopped',
              actions: [
                { type: 'waits', params: ({ event }) => event },
                { type: 'blame', params: ({ context }) => unrecovered(context) },
              ],
            },
          },
          after: {
            stopGraceMs: {
              target: '#stopped',
              actions: { type: 'blame', params: ({ context }) => unrecovered(context) },
            },
          },
        },
      },
    },
    serving: {
      initial: 'running',
      invoke: {
        src: 'scheduler',
        id: 'scheduler',
        input: ({ context }) => theGeneration(context),
        onError: {
          target: 'halted',
          actions: { type: 'blame', params: ({ event }) => ({ cause: event.error }) },
        },
      },
      on: {
        // Of a stop that is under way: running has its own.
        failed: {
          target: '#stopped',
          actions: { type: 'blame', params: ({ event }) => notCommitted(event.cause) },
        },
        close: {
          target: '#stopped',
          actions: { type: 'blame', params: ({ event }) => cutShort(event.cause) },
        },
        completed: { actions: 'forgetFailures' },
        idle: { actions: 'forgetFailures' },
        waiting: { actions: { type: 'waits', params: ({ event }) => event } },
      },
      states: {
        running: {
          tags: 'running',
          description: 'Records flow; attempts are made when they are due.',
          on: {
            failed: [
              {
                guard: { type: 'needsPerson', params: ({ event }) => event },
                target: '#halted',
                actions: { type: 'blame', params: ({ event }) => event },
              },
              {
                target: '#settling',
                actions: ['countFailure', { type: 'fails', params: ({ event }) => event }],
              },
            ],
            close: {
              target: '#stopped',
              actions: { type: 'blame', params: ({ event }) => ({ cause: event.cause }) },
            },
            stop: [
              { guard: ({ event }) => event.standing === 'halfway', target: 'awaiting-safe-point' },
              { guard: ({ event }) => event.standing === 'unclear', target: 'looking-for-loop' },
              { guard: 'isWaiting', target: 'giving-up' },
              { target: 'draining' },
            ],
          },
        },
        'awaiting-safe-point': {
          tags: 'draining',
          description: 'A stop waits until the loop is between two records.',
          on: { arrived: 'draining' },
          after: {
            safePointTimeoutMs: {
              target: '#stopped',
              actions: { type: 'blame', params: ({ context }) => noSafePoint(context) },
            },
          },
        },
        'looking-for-loop': {
          tags: 'draining',
          description:
            'A stop cannot tell whether the loop has ended: it gets a second to come back.',
          on: { arrived: 'draining' },
          after: { loopSilenceMs: 'draining' },
        },
        draining: {
          id: 'draining',
          tags: 'draining',
          description: 'The last records are committed by a final checkpoint.',
          entry: sendTo('scheduler', { type: 'drain' }),
          on: {
            waiting: {
              target: 'giving-up',
              actions: { type: 'waits', params: ({ event }) => event },
            },
            drained: '#stopped',
            'not-drained': {
              target: '#stopped',
              actions: { type: 'blame', params: ({ event }) => event },
            },
          },
        },
        'giving-up': {
          tags: 'draining',
          description:
            'The final checkpoint waits for a server that does not answer: it gets what is left of a second.',
          entry: sendTo('scheduler', { type: 'drain' }),
          on: {
            waiting: {
              guard: not('isWaiting'),
              target: 'giving-up',
              reenter: true,
              actions: { type: 'waits', params: ({ event }) => event },
            },
            drained: '#stopped',
            'not-drained': {
              target: '#stopped',
              actions: { type: 'blame', params: ({ event }) => event },
            },
          },
          after: {
            stopGraceMs: {
              guard: 'isWaiting',
              target: '#stopped',
              actions: { type: 'blame', params: ({ context }) => notCommitted(context.waitsFor) },
            },
          },
        },
      },
    },
    stopped: {
      id: 'stopped',
      tags: 'stopped',
      type: 'final',
      description: 'Everything is closed.',
    },
    halted: {
      id: 'halted',
      tags: 'halted',
      type: 'final',
      description: 'A person is needed: see the cause. No sink is touched from here on.',
    },
  },
});

function notGiven(what: string): TidegateError {
  return new TidegateError('TIDEGATE_BUG', `${what} was not given to the machine`);
}
