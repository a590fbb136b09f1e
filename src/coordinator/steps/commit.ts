// Step 6: sinks commit what is durable; the last-resource sink first, because its marker decides.

import { assertNever } from '../../assert.js';
import { isTidegateError, toError } from '../../errors.js';
import { isTwoPhase, type CommitOutcome, type TwoPhaseSinkSession } from '../../contracts/sink.js';
import { sleep } from '../../runtime/deadline.js';
import { assertPersisted, type PersistedManifest } from '../../store/persisted-manifest.js';
import type { Attempt } from '../attempt.js';
import { forEachBounded } from '../concurrency.js';
import { shortMessage } from '../short-text.js';
import type { StepContext } from '../step-context.js';

const firstBackoffMs = 50;
const longestBackoffMs = 5_000;

/** Asks every sink to commit; what each answered stands in the attempt's ledger. */
export async function commitSinks(
  context: StepContext,
  attempt: Attempt,
  persisted: PersistedManifest,
  signal: AbortSignal,
): Promise<void> {
  assertPersisted(persisted);
  const waiting = attempt.ledger.unsettled();
  const first = waiting.find((sink) => durabilityOf(context, sink) === 'last-resource');
  if (first !== undefined) {
    const hasCommitted = await commitUntilAnswered(context, attempt, persisted, first, signal);
    // Nobody else is asked: if it lost its output, everything else has to be rolled back.
    if (!hasCommitted) return;
  }
  const others = waiting.filter((sink) => sink !== first);
  const { sinkConcurrency } = context.options;
  await forEachBounded(others, { concurrency: sinkConcurrency, signal }, async (sink) => {
    await commitUntilAnswered(context, attempt, persisted, sink, signal);
  });
}

/** Repeats a commit that failed, with backoff, until the sink answers or the step is over. */
async function commitUntilAnswered(
  context: StepContext,
  attempt: Attempt,
  persisted: PersistedManifest,
  sink: string,
  signal: AbortSignal,
): Promise<boolean> {
  const handle = persisted.manifest.tidegate?.commitHandles.get(sink);
  const session = attempt.run.sinks.get(sink) as TwoPhaseSinkSession;
  for (let tries = 1; ; tries++) {
    const answer = await commitOnce(session, handle ?? '', signal);
    if (signal.aborted) return false;
    if (answer.kind === 'answered') return settle(context, attempt, sink, answer.outcome, tries);
    context.logger.warn('a sink could not commit', { sink, tries, error: answer.error });
    note(context, attempt, sink, shortMessage(answer.error), tries);
    if (isFenced(answer.error)) return false;
    const backoffMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** (tries - 1));
    const jittered = backoffMs * (0.5 + context.random.next() / 2);
    if (!(await sleep(context.clock, jittered, signal))) return false;
  }
}

type CommitTry =
  | { readonly kind: 'answered'; readonly outcome: CommitOutcome }
  | { readonly kind: 'threw'; readonly error: Error };

async function commitOnce(
  session: TwoPhaseSinkSession,
  handle: string,
  signal: AbortSignal,
): Promise<CommitTry> {
  try {
    return { kind: 'answered', outcome: await session.commit(handle, { signal }) };
  } catch (error) {
    return { kind: 'threw', error: toError(error) };
  }
}

function settle(
  context: StepContext,
  attempt: Attempt,
  sink: string,
  outcome: CommitOutcome,
  tries: number,
): boolean {
  switch (outcome) {
    case 'applied':
    case 'already-applied': {
      if (!attempt.ledger.note(sink, { kind: 'committed' })) return false;
      context.events.emit('sink-committed', { ...idsOf(attempt), sink, outcome, tries });
      attempt.run.writers.get(sink)?.release();
      return true;
    }
    case 'absent':
      note(context, attempt, sink, 'the prepared output is not there any more', tries);
      return false;
    default:
      return assertNever(outcome, `answer of sink ${sink} to commit`);
  }
}

function note(
  context: StepContext,
  attempt: Attempt,
  sink: string,
  message: string,
  tries: number,
): void {
  // The last-resource sink stays pending: only its marker can say what became of it.
  if (durabilityOf(context, sink) !== 'last-resource') {
    attempt.ledger.note(sink, { kind: 'failed', message });
  }
  context.events.emit('sink-not-committed', { ...idsOf(attempt), sink, message, tries });
}

function idsOf(attempt: Attempt) {
  return { checkpointId: attempt.barrier.checkpointId, epoch: attempt.barrier.epoch };
}

function durabilityOf(context: StepContext, sink: string): string | undefined {
  const participant = context.participants.sinks.get(sink);
  return participant && isTwoPhase(participant) ? participant.durability : undefined;
}

/** A newer owner has taken over: asking again would only be refused again. */
function isFenced(error: Error): boolean {
  return isTidegateError(error) && error.kind === 'fenced';
}
