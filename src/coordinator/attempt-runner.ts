// Runs one attempt: the chart with its steps attached, each told to those who watch.

import type { PersistedManifest } from '../store/persisted-manifest.js';
import type { Attempt } from './attempt.js';
import { Chart, ChartRun, type Work } from './chart-run.js';
import {
  attemptEnd,
  attemptMachine,
  attemptUpdates,
  type AttemptContext,
} from './machine/attempt-machine.js';
import { stepNumbers, type AttemptEnd, type StepName } from './machine/steps.js';
import type { Cut } from './cut-gate.js';
import type { StepContext } from './step-context.js';
import { acknowledgeAndPrune } from './steps/acknowledge.js';
import { takeCut } from './steps/barrier.js';
import { commitSinks } from './steps/commit.js';
import { persistManifest, type PersistInput } from './steps/persist.js';
import { preCommitSinks } from './steps/pre-commit.js';
import { reSaveManifest } from './steps/re-save.js';
import { storeStates } from './steps/sidecar.js';
import { encodeStates, type EncodedStates } from './steps/snapshot.js';

export interface RunningAttempt {
  readonly ended: Promise<AttemptEnd>;
  /** The generation ends: the attempt does too, in whatever step it is. */
  cancel(reason: unknown): void;
}

export type AttemptRunner = (attempt: Attempt) => RunningAttempt;

const attemptChart = new Chart<AttemptContext>(attemptMachine, attemptUpdates);

/** Steps by the names of the chart's states; after the last of them there is only the telling. */
const stepOf: Readonly<Partial<Record<string, StepName>>> = {
  barrier: 'barrier',
  snapshot: 'snapshot',
  preCommit: 'pre-commit',
  sidecar: 'sidecar',
  persist: 'persist',
  commit: 'commit',
};

/** The chart is built once; every attempt is a run of its own on the injected clock. */
export function attemptRunner(context: StepContext): AttemptRunner {
  const { clock, options: bounds } = context;
  const work = stepsOf(context);
  return (attempt) => {
    let run: ChartRun<AttemptContext> | undefined;
    const ended = new Promise<AttemptEnd>((resolve) => {
      const changed = ({ isFinal, value, context: { cause } }: ChartRun<AttemptContext>): void => {
        if (isFinal) resolve(attemptEnd(value, cause));
      };
      const failed = (error: unknown): void => {
        const step = stepOf[run?.value ?? 'barrier'] ?? 're-save';
        resolve({ kind: 'failed', cause: { kind: 'failed', step, error } });
      };
      run = new ChartRun(attemptChart, {
        input: { attempt, bounds },
        clock,
        work,
        changed,
        failed,
      });
      run.start();
    });
    return { ended, cancel: (reason) => run?.send({ type: 'cancel', reason }) };
  };
}

type AttemptInput = Pick<AttemptContext, 'attempt'>;

interface CommitInput extends AttemptInput {
  readonly persisted: PersistedManifest;
}

function stepsOf(context: StepContext): Work {
  return {
    barrier: observed(context, 'barrier', ({ attempt }: AttemptInput) => takeCut(context, attempt)),
    snapshot: observed(
      context,
      'snapshot',
      ({ attempt, cut }: AttemptInput & { readonly cut: Cut }, signal) =>
        encodeStates(context, attempt, cut, signal),
      (states) => states.knownByteLength,
    ),
    preCommit: observed(context, 'pre-commit', ({ attempt }: AttemptInput, signal) =>
      preCommitSinks(context, attempt, signal),
    ),
    sidecar: observed(
      context,
      'sidecar',
      ({ attempt, states }: AttemptInput & { readonly states: EncodedStates }, signal) =>
        storeStates(context, attempt, states, signal),
      (stored) => stored.sidecarByteLength,
    ),
    persist: observed(
      context,
      'persist',
      ({ attempt, ...input }: AttemptInput & PersistInput, signal) =>
        persistManifest(context, attempt, input, signal),
    ),
    commit: observed(context, 'commit', ({ attempt, persisted }: CommitInput, signal) =>
      commitSinks(context, attempt, persisted, signal),
    ),
    reSave: observed(context, 're-save', ({ attempt, persisted }: CommitInput, signal) =>
      reSaveManifest(attempt, persisted, signal),
    ),
    acknowledge: ({ attempt, persisted }: CommitInput, signal) =>
      acknowledgeAndPrune(context, attempt.run, persisted, signal),
  };
}

/** A step whose start and end are events, whatever way it ends. */
function observed<Input extends { readonly attempt: Attempt }, Output>(
  context: StepContext,
  step: StepName,
  work: (input: Input, signal: AbortSignal) => Promise<Output>,
  byteLengthOf?: (output: Output) => number,
): (input: Input, signal: AbortSignal) => Promise<Output> {
  const { events, clock } = context;
  return async (input, signal) => {
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
  };
}
