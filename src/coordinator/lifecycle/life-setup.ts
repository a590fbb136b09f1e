// What the machine of a life is made of: its actors, actions, guards and delays.

import { assign, fromCallback, fromPromise, setup } from 'xstate';
import { TidegateError } from '../../errors.js';
import type { Generation } from './generation.js';
import {
  isBeyondRecovery,
  type Blame,
  type Drain,
  type LifeContext,
  type LifeEvent,
  type LifeInput,
  type Phase,
  type Recovered,
} from './life-events.js';

/** A stop ends within a second while a server is down: nothing is in flight, so nothing is lost. */
const stopGraceMs = 900;

/** A loop that has taken a batch and written nothing of it comes back within this time, or has ended. */
const loopSilenceMs = 1_000;

export const lifeSetup = setup({
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
    stopGraceMs,
    loopSilenceMs,
    safePointTimeoutMs: ({ context }) => context.safePointTimeoutMs,
  },
});

function notGiven(what: string): TidegateError {
  return new TidegateError('TIDEGATE_BUG', `${what} was not given to the machine`);
}
