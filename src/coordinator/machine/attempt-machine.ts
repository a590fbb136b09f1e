// One attempt to take a checkpoint: the seven steps as a pure chart, without I/O, clock or waiting.

import { assign, fromPromise, setup } from 'xstate';
import { assert } from '../../assert.js';
import type { PersistedManifest } from '../../store/persisted-manifest.js';
import type { Attempt } from '../attempt.js';
import type { Cut } from '../cut-gate.js';
import type { PreparedSinks } from '../steps/pre-commit.js';
import type { Resaved } from '../steps/re-save.js';
import type { StoredStates } from '../steps/sidecar.js';
import type { EncodedStates } from '../steps/snapshot.js';
import type { AttemptCause, AttemptEnd, StepBounds, StepName } from './steps.js';

export interface AttemptInput {
  readonly attempt: Attempt;
  readonly bounds: StepBounds;
}

/** What the steps so far have produced: each step takes what only an earlier one can make. */
export interface AttemptContext extends AttemptInput {
  readonly cut?: Cut;
  readonly states?: EncodedStates;
  readonly prepared?: PreparedSinks;
  readonly stored?: StoredStates;
  readonly persisted?: PersistedManifest;
  readonly cause?: AttemptCause;
}

/** The generation ends under the attempt. */
export interface CancelAttempt {
  readonly type: 'cancel';
  readonly reason: unknown;
}

/** Without large states there is no sidecar, and step 4 has nothing to do. */
const nothingStored: StoredStates = {
  entries: new Map(),
  stateChecksum: undefined,
  sidecarByteLength: 0,
};

/** What the actions of the chart make of its context. */
export const attemptUpdates = {
  keep: (_context: AttemptContext, kept: Partial<AttemptContext>) => kept,
  blame: (_context: AttemptContext, cause: AttemptCause) => ({ cause }),
};

/** Steps 1 and 2 end in `abandoned`, later ones in `failed`: from step 3 on a sink has a claim. */
export const attemptMachine = setup({
  types: {
    context: {} as AttemptContext,
    input: {} as AttemptInput,
    events: {} as CancelAttempt,
  },
  actors: {
    barrier: stepNamed<Cut, { attempt: Attempt }>('barrier'),
    snapshot: stepNamed<EncodedStates, { attempt: Attempt; cut: Cut }>('snapshot'),
    preCommit: stepNamed<PreparedSinks, { attempt: Attempt }>('pre-commit'),
    sidecar: stepNamed<StoredStates, { attempt: Attempt; states: EncodedStates }>('sidecar'),
    persist: stepNamed<PersistedManifest, PersistInput>('persist'),
    commit: stepNamed<unknown, { attempt: Attempt; persisted: PersistedManifest }>('commit'),
    reSave: stepNamed<Resaved, { attempt: Attempt; persisted: PersistedManifest }>('re-save'),
    acknowledge: stepNamed<unknown, { attempt: Attempt; persisted: PersistedManifest }>('re-save'),
  },
  actions: {
    keep: assign(({ context }, kept: Partial<AttemptContext>) =>
      attemptUpdates.keep(context, kept),
    ),
    blame: assign(({ context }, cause: AttemptCause) => attemptUpdates.blame(context, cause)),
  },
  delays: {
    alignmentTimeoutMs: ({ context }) => context.bounds.alignmentTimeoutMs,
    snapshotTimeoutMs: ({ context }) => context.bounds.snapshotTimeoutMs,
    preCommitTimeoutMs: ({ context }) => context.bounds.preCommitTimeoutMs,
    persistTimeoutMs: ({ context }) => context.bounds.persistTimeoutMs,
    commitTimeoutMs: ({ context }) => context.bounds.commitTimeoutMs,
    acknowledgeTimeoutMs: ({ context }) => context.bounds.acknowledgeTimeoutMs,
  },
}).createMachine({
  id: 'attempt',
  initial: 'barrier',
  context: ({ input }) => input,
  states: {
    barrier: {
      description:
        '1. The barrier flows: sources name their position, inputs align, operators are captured.',
      invoke: {
        src: 'barrier',
        input: ({ context }) => ({ attempt: context.attempt }),
        onDone: {
          target: 'snapshot',
          actions: { type: 'keep', params: ({ event }) => ({ cut: event.output }) },
        },
        onError: { target: 'abandoned', actions: failedIn('barrier') },
      },
      after: {
        alignmentTimeoutMs: {
          target: 'abandoned',
          actions: timedOutIn('barrier', 'alignmentTimeoutMs'),
        },
      },
      on: { cancel: { target: 'abandoned', actions: cancelledIn('barrier') } },
    },
    snapshot: {
      description: '2. Captured states are encoded and measured against the size cap.',
      invoke: {
        src: 'snapshot',
        input: ({ context }) => ({ attempt: context.attempt, cut: given(context.cut) }),
        onDone: {
          target: 'preCommit',
          actions: { type: 'keep', params: ({ event }) => ({ states: event.output }) },
        },
        onError: { target: 'abandoned', actions: failedIn('snapshot') },
      },
      after: {
        snapshotTimeoutMs: {
          target: 'abandoned',
          actions: timedOutIn('snapshot', 'snapshotTimeoutMs'),
        },
      },
      on: { cancel: { target: 'abandoned', actions: cancelledIn('snapshot') } },
    },
    preCommit: {
      description:
        '3. Each sink claims the attempt and prepares the epoch: complete, durable and invisible.',
      invoke: {
        src: 'preCommit',
        input: ({ context }) => ({ attempt: context.attempt }),
        onDone: [
          {
            guard: ({ context }) => given(context.states).large.size === 0,
            target: 'persist',
            actions: {
              type: 'keep',
              params: ({ event }) => ({ prepared: event.output, stored: nothingStored }),
            },
          },
          {
            target: 'sidecar',
            actions: { type: 'keep', params: ({ event }) => ({ prepared: event.output }) },
          },
        ],
        onError: { target: 'failed', actions: failedIn('pre-commit') },
      },
      after: {
        preCommitTimeoutMs: {
          target: 'failed',
          actions: timedOutIn('pre-commit', 'preCommitTimeoutMs'),
        },
      },
      on: { cancel: { target: 'failed', actions: cancelledIn('pre-commit') } },
    },
    sidecar: {
      description: '4. Large states, if there are any, are streamed into the sidecar and synced.',
      invoke: {
        src: 'sidecar',
        input: ({ context }) => ({ attempt: context.attempt, states: given(context.states) }),
        onDone: {
          target: 'persist',
          actions: { type: 'keep', params: ({ event }) => ({ stored: event.output }) },
        },
        onError: { target: 'failed', actions: failedIn('sidecar') },
      },
      after: {
        persistTimeoutMs: { target: 'failed', actions: timedOutIn('sidecar', 'persistTimeoutMs') },
      },
      on: { cancel: { target: 'failed', actions: cancelledIn('sidecar') } },
    },
    persist: {
      description:
        '5. The manifest becomes durable. When that is not known, recovery reads: never assume.',
      invoke: {
        src: 'persist',
        input: ({ context }) => ({
          attempt: context.attempt,
          cut: given(context.cut),
          states: given(context.states),
          prepared: given(context.prepared),
          stored: given(context.stored),
        }),
        onDone: {
          target: 'commit',
          actions: { type: 'keep', params: ({ event }) => ({ persisted: event.output }) },
        },
        onError: { target: 'failed', actions: failedIn('persist') },
      },
      after: {
        persistTimeoutMs: { target: 'failed', actions: timedOutIn('persist', 'persistTimeoutMs') },
      },
      on: { cancel: { target: 'failed', actions: cancelledIn('persist') } },
    },
    commit: {
      description:
        '6. Sinks commit, the last-resource sink first and alone; the bound ends with what is known.',
      invoke: {
        src: 'commit',
        input: ({ context }) => ({
          attempt: context.attempt,
          persisted: given(context.persisted),
        }),
        onDone: { target: 'reSave' },
        onError: { target: 'failed', actions: failedIn('commit') },
      },
      after: { commitTimeoutMs: { target: 'reSave' } },
      on: { cancel: { target: 'failed', actions: cancelledIn('commit') } },
    },
    reSave: {
      description:
        '7. Statuses and sink epochs are written back; before that is durable nothing is a success.',
      invoke: {
        src: 'reSave',
        input: ({ context }) => ({
          attempt: context.attempt,
          persisted: given(context.persisted),
        }),
        onDone: [
          {
            guard: ({ event }) => event.output.unsettled.length === 0,
            target: 'acknowledge',
            actions: {
              type: 'keep',
              params: ({ event }) => ({ persisted: event.output.persisted }),
            },
          },
          {
            target: 'failed',
            actions: {
              type: 'blame',
              params: ({ event }): AttemptCause => ({
                kind: 'unsettled',
                step: 'commit',
                sinks: event.output.unsettled,
              }),
            },
          },
        ],
        onError: { target: 'failed', actions: failedIn('re-save') },
      },
      after: {
        persistTimeoutMs: { target: 'failed', actions: timedOutIn('re-save', 'persistTimeoutMs') },
      },
      on: { cancel: { target: 'failed', actions: cancelledIn('re-save') } },
    },
    acknowledge: {
      description:
        'The checkpoint is complete: sources are told, old checkpoints go. No failure here counts.',
      invoke: {
        src: 'acknowledge',
        input: ({ context }) => ({
          attempt: context.attempt,
          persisted: given(context.persisted),
        }),
        onDone: { target: 'completed' },
        onError: { target: 'completed' },
      },
      after: { acknowledgeTimeoutMs: { target: 'completed' } },
      on: { cancel: { target: 'completed' } },
    },
    completed: {
      type: 'final',
      description: 'Every sink has committed, and the manifest says so.',
    },
    abandoned: {
      type: 'final',
      description: 'No sink had a claim: the records stay in the open epoch and go on.',
    },
    failed: {
      type: 'final',
      description: 'The same road as a crash: the generation ends and recovery asks the sinks.',
    },
  },
});

interface PersistInput {
  readonly attempt: Attempt;
  readonly cut: Cut;
  readonly states: EncodedStates;
  readonly prepared: PreparedSinks;
  readonly stored: StoredStates;
}

/** How a finished attempt ended, from the final state that it reached. */
export function attemptEnd(finalState: string, cause: AttemptCause | undefined): AttemptEnd {
  if (finalState === 'completed') return { kind: 'completed' };
  assert(finalState === 'abandoned' || finalState === 'failed', `${finalState} is no final state`);
  return { kind: finalState, cause: given(cause) };
}

/** Stands for a step, whose work is given to each run: the chart itself does nothing. */
function stepNamed<Output, Input>(step: StepName) {
  return fromPromise<Output, Input>(() => {
    throw new Error(`the chart names the step ${step} and does not do it`);
  });
}

function failedIn(step: StepName) {
  return {
    type: 'blame' as const,
    params: ({ event }: { event: { error: unknown } }): AttemptCause => ({
      kind: 'failed',
      step,
      error: event.error,
    }),
  };
}

function timedOutIn(step: StepName, bound: keyof StepBounds) {
  return {
    type: 'blame' as const,
    params: ({ context }: { context: AttemptContext }): AttemptCause => ({
      kind: 'timed-out',
      step,
      afterMs: context.bounds[bound],
    }),
  };
}

function cancelledIn(step: StepName) {
  return {
    type: 'blame' as const,
    params: ({ event }: { event: CancelAttempt }): AttemptCause => ({
      kind: 'cancelled',
      step,
      reason: event.reason,
    }),
  };
}

function given<Value>(value: Value | undefined): Value {
  assert(value !== undefined, 'a step runs before the one that makes its input');
  return value;
}
