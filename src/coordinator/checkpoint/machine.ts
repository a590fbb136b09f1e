// One attempt to take a checkpoint: seven steps, each an invoked actor with its bound.

import { assign, setup } from 'xstate';
import { assert } from '../../assert.js';
import type { StepTimeouts } from '../options/checkpoint-options.js';
import type { PersistedManifest } from '../../store/persisted-manifest.js';
import { idsOf, type PersistedInput, type StepInput } from './attempt.js';
import type { ManifestInput } from './manifest.js';
import type { AttemptCause, AttemptEnd, StepName } from './outcome.js';
import { step } from './step.js';
import { acknowledgeCheckpoint } from './steps/acknowledge.js';
import { takeCut } from './steps/barrier.js';
import { commitSinks } from './steps/commit.js';
import { persistManifest } from './steps/persist.js';
import { preCommitSinks } from './steps/pre-commit.js';
import { reSaveManifest } from './steps/re-save.js';
import { nothingStored, storeStates } from './steps/sidecar.js';
import { encodeStates } from './steps/snapshot.js';

/** What the steps so far have produced: each step takes what only an earlier one can make. */
export interface AttemptContext extends StepInput, Partial<Omit<ManifestInput, 'attempt'>> {
  readonly persisted?: PersistedManifest;
  readonly cause?: AttemptCause;
}

/** The generation ends under the attempt. */
interface CancelAttempt {
  readonly type: 'cancel';
  readonly reason: unknown;
}

/** Steps 1 and 2 end in `abandoned`, later ones in `failed`: from step 3 on a sink has a claim. */
export const attemptMachine = setup({
  types: {
    context: {} as AttemptContext,
    input: {} as StepInput,
    events: {} as CancelAttempt,
    output: {} as AttemptEnd,
  },
  actors: {
    barrier: step('barrier', takeCut),
    snapshot: step('snapshot', encodeStates, (states) => states.knownByteLength),
    'pre-commit': step('pre-commit', preCommitSinks),
    sidecar: step('sidecar', storeStates, (stored) => stored.sidecarByteLength),
    persist: step('persist', persistManifest),
    commit: step('commit', commitSinks),
    're-save': step('re-save', reSaveManifest),
    acknowledge: step('acknowledge', acknowledgeCheckpoint),
  },
  actions: {
    keep: assign((_, kept: Partial<AttemptContext>) => kept),
    blame: assign((_, cause: AttemptCause) => ({ cause })),
  },
  delays: {
    alignmentMs: ({ context }) => timeouts(context).alignmentMs,
    snapshotMs: ({ context }) => timeouts(context).snapshotMs,
    preCommitMs: ({ context }) => timeouts(context).preCommitMs,
    persistMs: ({ context }) => timeouts(context).persistMs,
    commitMs: ({ context }) => timeouts(context).commitMs,
    acknowledgeMs: ({ context }) => timeouts(context).acknowledgeMs,
  },
}).createMachine({
  id: 'attempt',
  initial: 'barrier',
  context: ({ input }) => input,
  output: ({ event }) => event.output as AttemptEnd,
  states: {
    barrier: {
      description:
        '1. The barrier flows: sources name their position, inputs align, operators are captured.',
      invoke: {
        src: 'barrier',
        input: ({ context }) => context,
        onDone: {
          target: 'snapshot',
          actions: { type: 'keep', params: ({ event }) => ({ cut: event.output }) },
        },
        onError: { target: 'abandoned', actions: failedIn('barrier') },
      },
      after: {
        alignmentMs: { target: 'abandoned', actions: timedOutIn('barrier', 'alignmentMs') },
      },
      on: { cancel: { target: 'abandoned', actions: cancelledIn('barrier') } },
    },
    snapshot: {
      description: '2. Captured states are encoded and measured against the size cap.',
      invoke: {
        src: 'snapshot',
        input: ({ context }) => ({ attempt: context.attempt, cut: given(context.cut) }),
        onDone: {
          target: 'pre-commit',
          actions: { type: 'keep', params: ({ event }) => ({ states: event.output }) },
        },
        onError: { target: 'abandoned', actions: failedIn('snapshot') },
      },
      after: { snapshotMs: { target: 'abandoned', actions: timedOutIn('snapshot', 'snapshotMs') } },
      on: { cancel: { target: 'abandoned', actions: cancelledIn('snapshot') } },
    },
    'pre-commit': {
      description:
        '3. Each sink claims the attempt and prepares the epoch: complete, durable and invisible.',
      invoke: {
        src: 'pre-commit',
        input: ({ context }) => context,
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
        preCommitMs: { target: 'failed', actions: timedOutIn('pre-commit', 'preCommitMs') },
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
      after: { persistMs: { target: 'failed', actions: timedOutIn('sidecar', 'persistMs') } },
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
      after: { persistMs: { target: 'failed', actions: timedOutIn('persist', 'persistMs') } },
      on: { cancel: { target: 'failed', actions: cancelledIn('persist') } },
    },
    commit: {
      description:
        '6. Sinks commit, the last-resource sink first and alone; the bound ends with what is known.',
      invoke: {
        src: 'commit',
        input: persistedInput,
        onDone: { target: 're-save' },
        onError: { target: 'failed', actions: failedIn('commit') },
      },
      after: { commitMs: { target: 're-save' } },
      on: { cancel: { target: 'failed', actions: cancelledIn('commit') } },
    },
    're-save': {
      description:
        '7. Statuses and sink epochs are written back; before that is durable nothing is a success.',
      invoke: {
        src: 're-save',
        input: persistedInput,
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
                error: event.output.error,
              }),
            },
          },
        ],
        onError: { target: 'failed', actions: failedIn('re-save') },
      },
      after: { persistMs: { target: 'failed', actions: timedOutIn('re-save', 'persistMs') } },
      on: { cancel: { target: 'failed', actions: cancelledIn('re-save') } },
    },
    acknowledge: {
      description:
        'The checkpoint is complete: sources are acknowledged, old checkpoints go. No failure here counts.',
      invoke: {
        src: 'acknowledge',
        input: persistedInput,
        onDone: { target: 'completed' },
        onError: { target: 'completed' },
      },
      after: { acknowledgeMs: { target: 'completed' } },
      on: { cancel: { target: 'completed' } },
    },
    completed: {
      type: 'final',
      description: 'Every sink has committed, and the manifest says so.',
      output: ({ context }) => ({ kind: 'completed', ...idsOf(context.attempt) }),
    },
    abandoned: {
      type: 'final',
      description: 'No sink had a claim: the records stay in the open epoch and go on.',
      output: ({ context }) => ({ kind: 'abandoned', cause: given(context.cause) }),
    },
    failed: {
      type: 'final',
      description: 'The same road as a crash: the generation ends and recovery asks the sinks.',
      output: ({ context }) => ({ kind: 'failed', cause: given(context.cause) }),
    },
  },
});

function timeouts({ attempt }: AttemptContext): StepTimeouts {
  return attempt.context.options.timeouts;
}

function persistedInput({ context }: { readonly context: AttemptContext }): PersistedInput {
  return { attempt: context.attempt, persisted: given(context.persisted) };
}

function given<Value>(value: Value | undefined): Value {
  assert(value !== undefined, 'a step runs before the one that makes its input');
  return value;
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

function timedOutIn(step: StepName, bound: keyof StepTimeouts) {
  return {
    type: 'blame' as const,
    params: ({ context }: { context: AttemptContext }): AttemptCause => ({
      kind: 'timed-out',
      step,
      afterMs: timeouts(context)[bound],
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
