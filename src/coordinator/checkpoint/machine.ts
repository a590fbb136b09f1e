// One attempt to take a checkpoint: the seven steps as a pure machine, without I/O, clock or waiting.

import { assign, fromPromise, setup } from 'xstate';
import { assert } from '../../assert.js';
import { TidegateError } from '../../errors.js';
import type { PersistedManifest } from '../../store/persisted-manifest.js';
import type { PersistedInput, StepInput } from './attempt.js';
import {
  cancelledIn,
  failedIn,
  timedOutIn,
  type AttemptContext,
  type AttemptInput,
  type CancelAttempt,
  type PersistInput,
} from './machine-context.js';
import type { AttemptCause } from './outcome.js';
import type { Cut } from './pending-cut.js';
import type { PreparedSinks } from './steps/pre-commit.js';
import type { Resaved } from './steps/re-save.js';
import type { StoredStates } from './steps/sidecar.js';
import type { EncodedStates } from './steps/snapshot.js';

/** Without large states there is no sidecar, and step 4 has nothing to do. */
const nothingStored: StoredStates = {
  entries: new Map(),
  stateChecksum: undefined,
  sidecarByteLength: 0,
};

/** Steps 1 and 2 end in `abandoned`, later ones in `failed`: from step 3 on a sink has a claim. */
export const attemptMachine = setup({
  types: {
    context: {} as AttemptContext,
    input: {} as AttemptInput,
    events: {} as CancelAttempt,
  },
  actors: {
    barrier: declared<Cut, StepInput>(),
    snapshot: declared<EncodedStates, StepInput & { readonly cut: Cut }>(),
    'pre-commit': declared<PreparedSinks, StepInput>(),
    sidecar: declared<StoredStates, StepInput & { readonly states: EncodedStates }>(),
    persist: declared<PersistedManifest, StepInput & PersistInput>(),
    commit: declared<unknown, PersistedInput>(),
    're-save': declared<Resaved, PersistedInput>(),
    acknowledge: declared<unknown, PersistedInput>(),
  },
  actions: {
    keep: assign((_, kept: Partial<AttemptContext>) => kept),
    blame: assign((_, cause: AttemptCause) => ({ cause })),
  },
  delays: {
    alignmentMs: ({ context }) => context.bounds.alignmentMs,
    snapshotMs: ({ context }) => context.bounds.snapshotMs,
    preCommitMs: ({ context }) => context.bounds.preCommitMs,
    persistMs: ({ context }) => context.bounds.persistMs,
    commitMs: ({ context }) => context.bounds.commitMs,
    acknowledgeMs: ({ context }) => context.bounds.acknowledgeMs,
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
        alignmentMs: {
          target: 'abandoned',
          actions: timedOutIn('barrier', 'alignmentMs'),
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
          target: 'pre-commit',
          actions: { type: 'keep', params: ({ event }) => ({ states: event.output }) },
        },
        onError: { target: 'abandoned', actions: failedIn('snapshot') },
      },
      after: {
        snapshotMs: {
          target: 'abandoned',
          actions: timedOutIn('snapshot', 'snapshotMs'),
        },
      },
      on: { cancel: { target: 'abandoned', actions: cancelledIn('snapshot') } },
    },
    'pre-commit': {
      description:
        '3. Each sink claims the attempt and prepares the epoch: complete, durable and invisible.',
      invoke: {
        src: 'pre-commit',
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
        preCommitMs: {
          target: 'failed',
          actions: timedOutIn('pre-commit', 'preCommitMs'),
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
        persistMs: { target: 'failed', actions: timedOutIn('sidecar', 'persistMs') },
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
        persistMs: { target: 'failed', actions: timedOutIn('persist', 'persistMs') },
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
                error: event.output.error,
              }),
            },
          },
        ],
        onError: { target: 'failed', actions: failedIn('re-save') },
      },
      after: {
        persistMs: { target: 'failed', actions: timedOutIn('re-save', 'persistMs') },
      },
      on: { cancel: { target: 'failed', actions: cancelledIn('re-save') } },
    },
    acknowledge: {
      description:
        'The checkpoint is complete: sources are acknowledged, old checkpoints go. No failure here counts.',
      invoke: {
        src: 'acknowledge',
        input: ({ context }) => ({
          attempt: context.attempt,
          persisted: given(context.persisted),
        }),
        onDone: { target: 'completed' },
        onError: { target: 'completed' },
      },
      after: { acknowledgeMs: { target: 'completed' } },
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

/** A step that the actors given to the machine carry out: the machine only says what it takes and gives. */
function declared<Output, Input>() {
  return fromPromise<Output, Input>(() =>
    Promise.reject(new TidegateError('TIDEGATE_BUG', 'the step was not given to the machine')),
  );
}

function given<Value>(value: Value | undefined): Value {
  assert(value !== undefined, 'a step runs before the one that makes its input');
  return value;
}
