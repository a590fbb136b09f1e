// A step of an attempt as an actor whose start and end are events, in whatever way it ends.

import { fromPromise } from 'xstate';
import { toError } from '../../errors.js';
import { letManyListen } from '../../runtime/abort.js';
import { idsOf, type Attempt, type StepInput } from './attempt.js';
import { stepNumber, type StepName } from './outcome.js';

type Step<Input, Output> = (input: Input, signal: AbortSignal) => Promise<Output>;

/** What follows on the seventh step is no step: it has no events. */
export function step<Input extends StepInput, Output>(
  name: StepName | 'acknowledge',
  work: Step<Input, Output>,
  byteLengthOf?: (output: Output) => number,
) {
  return fromPromise<Output, Input>(async ({ input, signal }) => {
    letManyListen(signal);
    const { events } = input.attempt.context;
    // Most of a step's cost would be in events without a listener.
    const isWatched =
      name !== 'acknowledge' &&
      events.listenerCount('step-started') + events.listenerCount('step-ended') > 0;
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
function began(step: StepName, attempt: Attempt, signal: AbortSignal): StepEnd {
  const { events, clock } = attempt.context;
  const about = { ...idsOf(attempt), step, number: stepNumber(step) };
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
