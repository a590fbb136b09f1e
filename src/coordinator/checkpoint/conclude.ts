// What the end of an attempt means for its writers, its dataflow and the listeners.

import { assert, assertNever } from '../../assert.js';
import { epoch as toEpoch } from '../../ids.js';
import { bestEffort } from '../best-effort.js';
import type { Attempt } from './attempt.js';
import type { AttemptEnd } from './outcome.js';
import type { RequestOutcome } from './tickets.js';

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
