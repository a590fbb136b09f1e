// The life of a coordinator, from recovery to stop or halt, as a pure machine.

import { not, sendTo, stateIn } from 'xstate';
import {
  cutShort,
  noSafePoint,
  notCommitted,
  refusalOf,
  theGeneration,
  unrecovered,
} from './life-events.js';
import { lifeSetup } from './life-setup.js';

export const lifeMachine = lifeSetup.createMachine({
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
          {
            target: 'settling',
            reenter: true,
            actions: 'countFailure',
          },
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
          on: {
            arrived: 'draining',
            failed: {
              target: '#stopped',
              actions: { type: 'blame', params: ({ event }) => notCommitted(event.cause) },
            },
            close: {
              target: '#stopped',
              actions: { type: 'blame', params: ({ event }) => cutShort(event.cause) },
            },
          },
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
          on: {
            arrived: 'draining',
            failed: {
              target: '#stopped',
              actions: { type: 'blame', params: ({ event }) => notCommitted(event.cause) },
            },
            close: {
              target: '#stopped',
              actions: { type: 'blame', params: ({ event }) => cutShort(event.cause) },
            },
          },
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
            failed: {
              target: '#stopped',
              actions: { type: 'blame', params: ({ event }) => notCommitted(event.cause) },
            },
            close: {
              target: '#stopped',
              actions: { type: 'blame', params: ({ event }) => cutShort(event.cause) },
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
            failed: {
              target: '#stopped',
              actions: { type: 'blame', params: ({ event }) => notCommitted(event.cause) },
            },
            close: {
              target: '#stopped',
              actions: { type: 'blame', params: ({ event }) => cutShort(event.cause) },
            },
          },
          after: {
            stopGraceMs: {
              guard: 'isWaiting',
              target: '#stopped',
              actions: {
                type: 'blame',
                params: ({ context }) => notCommitted(context.waitsFor),
              },
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
