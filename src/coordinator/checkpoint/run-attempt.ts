// Runs one attempt: the machine of an attempt as an actor, and what its end means for the generation.

import { createActor, toPromise } from 'xstate';
import { assert, assertNever } from '../../assert.js';
import { epoch as toEpoch } from '../../ids.js';
import { watched, xstateClock } from '../context.js';
import { bestEffort } from '../events.js';
import { idsOf, type Attempt } from './attempt.js';
import { attemptMachine } from './machine.js';
import { errorOf, stepNames, type AttemptEnd } from './outcome.js';

export interface RunningAttempt {
  readonly attempt: Attempt;
  readonly ended: Promise<AttemptEnd>;
  /** The generation ends: the attempt does too, in whatever step it is. */
  cancel(reason: unknown): void;
}

export function runAttempt(attempt: Attempt): RunningAttempt {
  const { context } = attempt;
  const actor = createActor(attemptMachine, {
    input: { attempt },
    clock: xstateClock(context.clock),
    ...watched(context),
  });
  // A guard or an action of the machine threw: the attempt is over, and recovery asks the sinks.
  const broken = (error: unknown): AttemptEnd => {
    const { value } = actor.getSnapshot();
    // After the last step there is only what follows on a complete checkpoint.
    const step = stepNames.find((name) => name === value) ?? 're-save';
    return { kind: 'failed', cause: { kind: 'failed', step, error } };
  };
  const ended = toPromise(actor).catch(broken);
  actor.start();
  return { attempt, ended, cancel: (reason) => actor.send({ type: 'cancel', reason }) };
}

/** What the end of an attempt means for its writers, its dataflow and the listeners. */
export function concludeAttempt(attempt: Attempt, end: AttemptEnd): void {
  const { context, barrier, generation, cut, ledger, streams } = attempt;
  const { events, barriers, logger, clock } = context;
  const { checkpointId, epoch } = barrier;
  const durationMs = clock.monotonicMs() - attempt.startedAtMs;
  cut.close();
  streams.close((stream) => {
    const what = `the state of operator ${stream.operator} could not be given up`;
    bestEffort(context, what, () => stream.giveUp());
  });
  cut.releaseSnapshots();
  ledger.close();
  switch (end.kind) {
    case 'completed': {
      const { inDoubt } = generation;
      assert(inDoubt === undefined, `checkpoint ${checkpointId} is complete while in doubt`);
      generation.nextEpoch = toEpoch(epoch + 1);
      for (const { writer } of generation.sinks.values()) writer.markComplete();
      const { kind } = attempt.request;
      events.emit('checkpoint-completed', { ...idsOf(attempt), kind, durationMs });
      return;
    }
    case 'abandoned': {
      const { cause } = end;
      assert(attempt.claim.abandon(), `checkpoint ${checkpointId} is abandoned after a claim`);
      bestEffort(context, `checkpoint ${checkpointId} could not be cancelled`, () =>
        barriers.cancel(barrier),
      );
      // The records behind the barrier join those before it: the epoch stays open.
      for (const { writer } of generation.sinks.values()) writer.release();
      logger.info(
        { checkpointId, step: cause.step, err: errorOf(cause) },
        'a checkpoint was abandoned',
      );
      events.emit('checkpoint-abandoned', { ...idsOf(attempt), cause, durationMs });
      return;
    }
    case 'failed': {
      const { cause } = end;
      logger.warn({ checkpointId, step: cause.step, err: errorOf(cause) }, 'a checkpoint failed');
      events.emit('checkpoint-failed', { ...idsOf(attempt), cause, durationMs });
      return;
    }
    default:
      assertNever(end, 'end of an attempt');
  }
}
