// Runs one attempt: the chart with its steps attached, each told to those who watch.

import { createActor, fromPromise, type PromiseActorLogic } from 'xstate';
import type { Clock } from '../runtime/clock.js';
import type { PersistedManifest } from '../store/persisted-manifest.js';
import type { Attempt } from './attempt.js';
import { attemptEnd, attemptMachine } from './machine/attempt-machine.js';
import { stepNumbers, type AttemptEnd, type StepName } from './machine/steps.js';
import type { StepContext } from './step-context.js';
import { acknowledgeSources } from './steps/acknowledge.js';
import { takeCut } from './steps/barrier.js';
import { commitSinks } from './steps/commit.js';
import { persistManifest } from './steps/persist.js';
import { preCommitSinks } from './steps/pre-commit.js';
import { reSaveManifest } from './steps/re-save.js';
import { storeStates } from './steps/sidecar.js';
import { encodeStates } from './steps/snapshot.js';

export interface RunningAttempt {
  readonly ended: Promise<AttemptEnd>;
  /** The generation ends: the attempt does too, in whatever step it is. */
  cancel(reason: unknown): void;
}

export type AttemptRunner = (attempt: Attempt) => RunningAttempt;

/** The chart is built once; every attempt is an actor of its own on the injected clock. */
export function attemptRunner(context: StepContext): AttemptRunner {
  const machine = provideSteps(context);
  const clock = actorClock(context.clock);
  return (attempt) => {
    const actor = createActor(machine, {
      input: { attempt, bounds: context.options },
      clock,
    });
    const ended = new Promise<AttemptEnd>((resolve) => {
      actor.subscribe({
        next: (snapshot) => {
          if (snapshot.status !== 'done') return;
          resolve(attemptEnd(snapshot.value, snapshot.context.cause));
        },
        error: (error: unknown) => {
          resolve({ kind: 'failed', cause: { kind: 'failed', step: 'persist', error } });
        },
      });
    });
    actor.start();
    return { ended, cancel: (reason) => actor.send({ type: 'cancel', reason }) };
  };
}

/** The clock as XState wants it. */
export function actorClock(clock: Clock) {
  return {
    setTimeout: (callback: (...parameters: never[]) => void, timeoutMs: number) =>
      clock.setTimer(callback, timeoutMs),
    clearTimeout: (timer: { cancel(): void } | undefined) => timer?.cancel(),
  };
}

interface CommitInput {
  readonly attempt: Attempt;
  readonly persisted: PersistedManifest;
}

function provideSteps(context: StepContext) {
  return attemptMachine.provide({
    actors: {
      barrier: observed(context, 'barrier', ({ attempt }) => takeCut(context, attempt)),
      snapshot: observed(
        context,
        'snapshot',
        ({ attempt, cut }, signal) => encodeStates(context, attempt, cut, signal),
        (states) => states.knownByteLength,
      ),
      preCommit: observed(context, 'pre-commit', ({ attempt }, signal) =>
        preCommitSinks(context, attempt, signal),
      ),
      sidecar: observed(
        context,
        'sidecar',
        ({ attempt, states }, signal) => storeStates(context, attempt, states, signal),
        (stored) => stored.sidecarByteLength,
      ),
      persist: observed(context, 'persist', ({ attempt, ...input }, signal) =>
        persistManifest(context, attempt, input, signal),
      ),
      commit: observed<CommitInput, unknown>(context, 'commit', ({ attempt, persisted }, signal) =>
        commitSinks(context, attempt, persisted, signal),
      ),
      reSave: observed(context, 're-save', ({ attempt, persisted }, signal) =>
        reSaveManifest(attempt, persisted, signal),
      ),
      acknowledge: fromPromise<unknown, CommitInput>(({ input: { attempt, persisted }, signal }) =>
        acknowledgeSources(context, attempt.run, persisted, signal),
      ),
    },
  });
}

/** A step as an actor: its start and end are events, whatever way it ends. */
function observed<Input extends { readonly attempt: Attempt }, Output>(
  context: StepContext,
  step: StepName,
  work: (input: Input, signal: AbortSignal) => Promise<Output>,
  byteLengthOf?: (output: Output) => number,
): PromiseActorLogic<Output, Input> {
  const { events, clock } = context;
  return fromPromise<Output, Input>(async ({ input, signal }) => {
    // Most of a step's cost would be in telling nobody.
    if (events.listenerCount('step-started') + events.listenerCount('step-ended') === 0) {
      return work(input, signal);
    }
    const { checkpointId, epoch } = input.attempt.barrier;
    const about = { checkpointId, epoch, step, number: stepNumbers[step] };
    const startedAtMs = clock.monotonicMs();
    const end = (outcome: 'done' | 'failed' | 'cut-short', byteLength?: number): void => {
      signal.removeEventListener('abort', cutShort);
      const durationMs = clock.monotonicMs() - startedAtMs;
      const size = byteLength === undefined ? {} : { byteLength };
      events.emit('step-ended', { ...about, durationMs, outcome, ...size });
    };
    const cutShort = (): void => end('cut-short');
    signal.addEventListener('abort', cutShort, { once: true });
    events.emit('step-started', about);
    try {
      const output = await work(input, signal);
      // Late: the attempt has gone on without it, and `cut-short` was told.
      if (!signal.aborted) end('done', byteLengthOf?.(output));
      return output;
    } catch (error) {
      if (!signal.aborted) end('failed');
      throw error;
    }
  });
}
