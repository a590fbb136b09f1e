// The life of a coordinator, from recovery to stop or halt, as a pure chart.

import { assign, fromPromise, setup } from 'xstate';
import { hasErrorCode, isTidegateError, type TidegateError } from '../../errors.js';
import { finalFailed } from '../final-failed.js';

/** What recovery decided; the rest of its answer stays with the coordinator. */
export type RecoveryVerdict =
  { readonly kind: 'resumed' } | { readonly kind: 'refused'; readonly cause: unknown };

export type Phase = 'created' | 'recovering' | 'running' | 'draining' | 'stopped' | 'halted';

export interface LifeInput {
  readonly tolerableFailures: number;
}

export interface LifeContext extends LifeInput {
  readonly occasion: 'start' | 'in-process';
  readonly failuresInARow: number;
  /** Why it halted, or stopped without its final checkpoint. */
  readonly cause?: unknown;
}

export type LifeEvent =
  | { readonly type: 'start' }
  /** An attempt has become a checkpoint. */
  | { readonly type: 'completed' }
  /** For a while there has been nothing to save, and no failure has left anything to come again. */
  | { readonly type: 'idle' }
  /** Something failed that only recovery can mend. */
  | { readonly type: 'failed'; readonly cause: unknown }
  /** A final checkpoint, then the end. */
  | { readonly type: 'stop' }
  /** The end, at once. */
  | { readonly type: 'close'; readonly cause?: unknown };

/** What the actions of the chart make of its context. */
export const lifeUpdates = {
  blame: (_context: LifeContext, blamed: Blame) => blamed,
  countFailure: ({ failuresInARow }: LifeContext) => ({ failuresInARow: failuresInARow + 1 }),
  forgetFailures: () => ({ failuresInARow: 0 }),
  inProcess: () => ({ occasion: 'in-process' as const }),
};

export const lifeMachine = setup({
  types: {
    context: {} as LifeContext,
    input: {} as LifeInput,
    events: {} as LifeEvent,
  },
  actors: {
    recover: fromPromise<RecoveryVerdict, { readonly occasion: LifeContext['occasion'] }>(() => {
      throw new Error('the chart names recovery and does not do it');
    }),
    drain: fromPromise<unknown>(() => {
      throw new Error('the chart names the final checkpoint and does not take it');
    }),
  },
  actions: {
    blame: assign(({ context }, blamed: Blame) => lifeUpdates.blame(context, blamed)),
    countFailure: assign(({ context }) => lifeUpdates.countFailure(context)),
    forgetFailures: assign(lifeUpdates.forgetFailures),
    inProcess: assign(lifeUpdates.inProcess),
  },
  guards: {
    needsPerson: ({ context }, { cause }: Blame) =>
      isBeyondRecovery(cause) || context.failuresInARow >= context.tolerableFailures,
    cannotRepeat: ({ context }, { cause }: Blame) =>
      context.occasion === 'start' ||
      isBeyondRecovery(cause) ||
      context.failuresInARow >= context.tolerableFailures,
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
      description: 'Nothing has been opened yet.',
      on: { start: 'recovering', stop: 'stopped' },
    },
    recovering: {
      description:
        'Older owners are fenced, sinks are asked, everything goes back to one checkpoint.',
      exit: 'inProcess',
      invoke: {
        src: 'recover',
        input: ({ context }) => ({ occasion: context.occasion }),
        onDone: [
          { guard: ({ event }) => event.output.kind === 'resumed', target: 'running' },
          {
            target: 'halted',
            actions: {
              type: 'blame',
              params: ({ event }) => ({ cause: causeOf(event.output) }),
            },
          },
        ],
        onError: [
          {
            guard: { type: 'cannotRepeat', params: ({ event }) => ({ cause: event.error }) },
            target: 'halted',
            actions: { type: 'blame', params: ({ event }) => ({ cause: event.error }) },
          },
          { target: 'recovering', reenter: true, actions: 'countFailure' },
        ],
      },
    },
    running: {
      description: 'Records flow; attempts are made when they are due.',
      on: {
        completed: { actions: 'forgetFailures' },
        idle: { actions: 'forgetFailures' },
        failed: [
          {
            guard: { type: 'needsPerson', params: ({ event }) => ({ cause: event.cause }) },
            target: 'halted',
            actions: { type: 'blame', params: ({ event }) => ({ cause: event.cause }) },
          },
          { target: 'recovering', actions: 'countFailure' },
        ],
        stop: 'draining',
      },
    },
    draining: {
      description: 'The last records are committed by a final checkpoint.',
      on: {
        // Whoever waits for the stop has to learn that the last records were not committed.
        close: {
          target: 'stopped',
          actions: { type: 'blame', params: ({ event }) => ({ cause: event.cause ?? cutShort() }) },
        },
      },
      invoke: {
        src: 'drain',
        onDone: 'stopped',
        onError: {
          target: 'stopped',
          actions: { type: 'blame', params: ({ event }) => ({ cause: event.error }) },
        },
      },
    },
    stopped: { type: 'final', description: 'Everything is closed.' },
    halted: {
      type: 'final',
      description: 'A person is needed: see the cause. No sink is touched any more.',
    },
  },
});

/** Recovering from these would hide a mistake, fight a newer owner, or meet the same fact again. */
function isBeyondRecovery(cause: unknown): boolean {
  if (isTidegateError(cause) && (cause.kind === 'internal' || cause.kind === 'fenced')) return true;
  return hasErrorCode(cause, 'TIDEGATE_STATE_ALIASED');
}

function cutShort(): TidegateError {
  return finalFailed(new Error('it was ended from outside before it was known to be complete'));
}

interface Blame {
  readonly cause: unknown;
}

function causeOf(verdict: RecoveryVerdict): unknown {
  return verdict.kind === 'refused' ? verdict.cause : undefined;
}
