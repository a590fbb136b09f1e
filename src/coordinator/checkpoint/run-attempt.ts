// Runs one attempt: the machine of an attempt as an actor, with its steps as invoked promise actors.

import { createActor, fromPromise } from 'xstate';
import { assert, assertNever } from '../../assert.js';
import { toError } from '../../errors.js';
import { epoch as toEpoch } from '../../ids.js';
import { letManyListen } from '../../runtime/abort.js';
import { watched, xstateClock, type StepContext } from '../context.js';
import { bestEffort } from '../events.js';
import type { Attempt, PersistedInput, StepInput } from './attempt.js';
import { attemptMachine } from './machine.js';
import { attemptEnd, stepNames, stepNumber, type AttemptEnd, type StepName } from './outcome.js';
import type { RequestOutcome } from './requests.js';
import { acknowledgeAndPrune } from './steps/acknowledge.js';
import { takeCut } from './steps/barrier.js';
import { commitSinks } from './steps/commit.js';
import { persistManifest } from './steps/persist.js';
import { preCommitSinks } from './steps/pre-commit.js';
import { reSaveManifest } from './steps/re-save.js';
import { storeStates } from './steps/sidecar.js';
import { encodeStates } from './steps/snapshot.js';

export interface RunningAttempt {
  readonly attempt: Attempt;
  readonly ended: Promise<AttemptEnd>;
  /** The generation ends: the attempt does too, in whatever step it is. */
  cancel(reason: unknown): void;
}

/** What the machine invokes, by the names of its states. */
const machine = attemptMachine.provide({
  actors: {
    barrier: step('barrier', takeCut),
    snapshot: step('snapshot', encodeStates, (states) => states.knownByteLength),
    'pre-commit': step('pre-commit', preCommitSinks),
    sidecar: step('sidecar', storeStates, (stored) => stored.sidecarByteLength),
    persist: step('persist', persistManifest),
    commit: step<PersistedInput, unknown>('commit', commitSinks),
    're-save': step('re-save', reSaveManifest),
    acknowledge: fromPromise<unknown, PersistedInput>(({ input: { attempt, persisted }, signal }) =>
      acknowledgeAndPrune(attempt.context, attempt.generation, persisted, letManyListen(signal)),
    ),
  },
});

export function runAttempt(context: StepContext, attempt: Attempt): RunningAttempt {
  const actor = createActor(machine, {
    input: { attempt, bounds: context.options.timeouts },
    clock: xstateClock(context.clock),
    ...watched(context),
  });
  const ended = new Promise<AttemptEnd>((resolve) => {
    actor.subscribe({
      complete: () => {
        const { value, context: reached } = actor.getSnapshot();
        resolve(attemptEnd(value, reached.cause));
      },
      // A guard or an action of the machine threw: the attempt is over, and recovery asks the sinks.
      error: (error) => {
        const step = stepIn(actor.getSnapshot().value);
        resolve({ kind: 'failed', cause: { kind: 'failed', step, error } });
      },
    });
  });
  actor.start();
  return { attempt, ended, cancel: (reason) => actor.send({ type: 'cancel', reason }) };
}

/** After the last step there is only what follows on a complete checkpoint. */
function stepIn(state: string): StepName {
  return stepNames.find((name) => name === state) ?? 're-save';
}

type Step<Input, Output> = (input: Input, signal: AbortSignal) => Promise<Output>;

/** A step as an actor whose start and end are events, whatever way it ends. */
function step<Input extends StepInput, Output>(
  name: StepName,
  work: Step<Input, Output>,
  byteLengthOf?: (output: Output) => number,
) {
  return fromPromise<Output, Input>(async ({ input, signal }) => {
    letManyListen(signal);
    const { events } = input.attempt.context;
    // Most of a step's cost would be in events without a listener.
    const isWatched = events.listenerCount('step-started') + events.listenerCount('step-ended') > 0;
    if (!isWatched) return work(input, signal);
    const end = began(name, input.attempt, signal);
    try {
      const output = await work(input, signal);
      end('done', byteLengthOf?.(output));
      return output;
    } catch (error) {
      end('failed');
      throw toError(error);
    }
  });
}

type StepEnd = (outcome: 'done' | 'failed', byteLength?: number) => void;

/** A step that is late ends as `cut-short`, when the attempt goes on without it. */
function began(step: StepName, { context, barrier }: Attempt, signal: AbortSignal): StepEnd {
  const { events, clock } = context;
  const { checkpointId, epoch } = barrier;
  const about = { checkpointId, epoch, step, number: stepNumber(step) };
  const startedAtMs = clock.monotonicMs();
  const emit = (outcome: 'done' | 'failed' | 'cut-short', byteLength?: number): void => {
    const durationMs = clock.monotonicMs() - startedAtMs;
    const size = byteLength === undefined ? {} : { byteLength };
    events.emit('step-ended', { ...about, durationMs, outcome, ...size });
  };
  const cutShort = (): void => emit('cut-short');
  signal.addEventListener('abort', cutShort, { once: true });
  events.emit('step-started', about);
  return (outcome, byteLength) => {
    signal.removeEventListener('abort', cutShort);
    if (!signal.aborted) emit(outcome, byteLength);
  };
}

/** What the end of an attempt means for its writers, its dataflow and the listeners. */
export function concludeAttempt(
  attempt: Attempt,
  end: AttemptEnd,
  durationMs: number,
): RequestOutcome {
  const { context, barrier, generation, cut, kind, ledger } = attempt;
  const { events, barriers, logger } = context;
  const { checkpointId, epoch } = barrier;
  cut.close();
  attempt.streams.close((stream) => {
    const what = `the state of operator ${stream.operator} could not be given up`;
    bestEffort(context, what, () => stream.giveUp());
  });
  cut.releaseSnapshots();
  ledger.close();
  switch (end.kind) {
    case 'completed':
      assert(
        generation.inDoubt === undefined,
        `checkpoint ${checkpointId} is complete while in doubt`,
      );
      generation.nextEpoch = toEpoch(epoch + 1);
      for (const { writer } of generation.sinks.values()) writer.markComplete();
      events.emit('checkpoint-completed', { checkpointId, epoch, kind, durationMs });
      return { kind: 'completed', checkpointId, epoch };
    case 'abandoned': {
      const { cause } = end;
      assert(attempt.claim.abandon(), `checkpoint ${checkpointId} is abandoned after a claim`);
      bestEffort(context, `checkpoint ${checkpointId} could not be cancelled`, () =>
        barriers.cancel(barrier),
      );
      // The records behind the barrier join those before it: the epoch stays open.
      for (const { writer } of generation.sinks.values()) writer.release();
      logger.info('a checkpoint was abandoned', { checkpointId, cause });
      events.emit('checkpoint-abandoned', { checkpointId, epoch, cause, durationMs });
      return { kind: 'abandoned', cause };
    }
    case 'failed': {
      const { cause } = end;
      logger.warn('a checkpoint failed', { checkpointId, cause });
      events.emit('checkpoint-failed', { checkpointId, epoch, cause, durationMs });
      return { kind: 'failed', cause };
    }
    default:
      return assertNever(end, 'end of an attempt');
  }
}
