// What the end of an attempt means for its writers, its dataflow and those who watch.

import { assert, assertNever } from '../assert.js';
import { epoch as toEpoch } from '../ids.js';
import type { Attempt } from './attempt.js';
import { harmless } from './harmless.js';
import type { AttemptEnd } from './machine/steps.js';
import type { UntoldOutcome } from './requests.js';
import type { StepContext } from './step-context.js';

export function concludeAttempt(
  context: StepContext,
  attempt: Attempt,
  end: AttemptEnd,
  durationMs: number,
): UntoldOutcome {
  const { barrier, run, gate, kind, ledger } = attempt;
  const { events, barriers, logger } = context;
  const { checkpointId, epoch } = barrier;
  gate.close();
  attempt.streams.close((stream) => {
    const what = `the state of operator ${stream.operator} could not be given up`;
    harmless(context, what, () => stream.giveUp());
  });
  gate.releaseSnapshots();
  ledger.close();
  switch (end.kind) {
    case 'completed':
      assert(run.inDoubt === undefined, `checkpoint ${checkpointId} is told while in doubt`);
      run.nextEpoch = toEpoch(epoch + 1);
      for (const writer of run.writers.values()) writer.markComplete();
      events.emit('checkpoint-completed', { checkpointId, epoch, kind, durationMs });
      return { kind: 'completed', checkpointId, epoch };
    case 'abandoned': {
      const { cause } = end;
      assert(attempt.claim.abandon(), `checkpoint ${checkpointId} is abandoned after a claim`);
      harmless(context, `checkpoint ${checkpointId} could not be cancelled`, () =>
        barriers.cancel(barrier),
      );
      // The records behind the barrier join those before it: the epoch stays open.
      for (const writer of run.writers.values()) writer.release();
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
