// Step 6: sinks commit what is durable; the last-resource sink first, because its marker decides.

import { assert, assertNever } from '../../../assert.js';
import type { CommitOutcome } from '../../../contracts/sink.js';
import { hasErrorCode, isTidegateError, toError } from '../../../errors.js';
import { backoffMs } from '../../../runtime/backoff.js';
import { sleep } from '../../../runtime/deadline.js';
import { assertPersisted } from '../../../store/persisted-manifest.js';
import { forEachBounded } from '../../../runtime/for-each-bounded.js';
import type { OpenSink } from '../../lifecycle/generation.js';
import { shortMessage } from '../../../runtime/short-text.js';
import { idsOf, type Attempt, type PersistedInput } from '../attempt.js';

/** Shorter than in recovery: the records of the next epoch wait meanwhile. */
const backoff = { firstMs: 50, maxMs: 5_000 };

type TwoPhase = Extract<OpenSink, { readonly kind: 'two-phase' }>;

/** Asks every sink to commit; what each answered stands in the attempt's ledger. */
export async function commitSinks(input: PersistedInput, signal: AbortSignal): Promise<void> {
  const { context, generation, ledger } = input.attempt;
  assertPersisted(input.persisted);
  const waiting = ledger.unsettled().map((name) => {
    const sink = generation.sinks.get(name);
    assert(sink?.kind === 'two-phase', `sink ${name} has nothing to commit`);
    return sink;
  });
  const first = waiting.find(({ durability }) => durability === 'last-resource');
  if (first !== undefined) {
    const hasCommitted = await commitUntilAnswered(input, first, signal);
    // No other sink is asked: if it lost its output, everything else has to be rolled back.
    if (!hasCommitted) return;
  }
  const others = waiting.filter((sink) => sink !== first);
  const { sinkConcurrency } = context.options;
  await forEachBounded(others, { concurrency: sinkConcurrency, signal }, async (sink) => {
    await commitUntilAnswered(input, sink, signal);
  });
}

/** Repeats a commit that failed, with backoff, until the sink answers or the step is over. */
async function commitUntilAnswered(
  { attempt, persisted }: PersistedInput,
  sink: TwoPhase,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, logger, random } = attempt.context;
  const handle = persisted.manifest.tidegate?.commitHandles.get(sink.name) ?? '';
  for (let tries = 1; ; tries++) {
    const answer = await commitOnce(sink, handle, signal);
    if (signal.aborted) return false;
    if (answer.kind === 'answered') return settle(attempt, sink, answer.outcome, tries);
    logger.warn({ sink: sink.name, tries, err: answer.error }, 'a sink could not commit');
    attempt.ledger.lastError = answer.error;
    attempt.waits(answer.error);
    note(attempt, sink, shortMessage(answer.error), tries);
    if (isSessionOver(answer.error)) return false;
    const pauseMs = backoffMs(tries - 1, random.next(), backoff);
    if (!(await sleep(clock, pauseMs, signal))) return false;
  }
}

type CommitTry =
  | { readonly kind: 'answered'; readonly outcome: CommitOutcome }
  | { readonly kind: 'threw'; readonly error: Error };

async function commitOnce(
  { session }: TwoPhase,
  handle: string,
  signal: AbortSignal,
): Promise<CommitTry> {
  try {
    return { kind: 'answered', outcome: await session.commit(handle, { signal }) };
  } catch (error) {
    return { kind: 'threw', error: toError(error) };
  }
}

function settle(attempt: Attempt, sink: TwoPhase, outcome: CommitOutcome, tries: number): boolean {
  switch (outcome) {
    case 'applied':
    case 'already-applied': {
      if (!attempt.ledger.note(sink.name, { kind: 'committed' })) return false;
      const { events } = attempt.context;
      events.emit('sink-committed', { ...idsOf(attempt), sink: sink.name, outcome, tries });
      sink.writer.release();
      return true;
    }
    case 'absent':
      note(attempt, sink, 'the prepared output is gone', tries);
      return false;
    default:
      return assertNever(outcome, `answer of sink ${sink.name} to commit`);
  }
}

function note(attempt: Attempt, sink: TwoPhase, message: string, tries: number): void {
  // The last-resource sink stays pending: only its marker can say what became of it.
  if (sink.durability !== 'last-resource') {
    attempt.ledger.note(sink.name, { kind: 'failed', message });
  }
  const { events } = attempt.context;
  events.emit('sink-not-committed', { ...idsOf(attempt), sink: sink.name, message, tries });
}

/**
 * Asking this session again would only be refused again: a newer owner has taken over, or the session
 * died of an earlier try. Recovery opens a new one.
 */
function isSessionOver(error: Error): boolean {
  if (hasErrorCode(error, 'TIDEGATE_SINK_WRITE_FAILED')) return true;
  return isTidegateError(error) && error.kind === 'fenced';
}
