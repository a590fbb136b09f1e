// What recovery does to sinks: commit what is decided, discard everything else. All idempotent.

import type { CommitOutcome } from '../contracts/sink.js';
import { assert } from '../assert.js';
import { TidegateError } from '../errors.js';
import { assertPersisted, type PersistedManifest } from '../store/persisted-manifest.js';
import { ask, askOnce, RoundEnded, throwIfAborted, type Answer } from './ask.js';
import { checkedAnswer } from './checked-answer.js';
import { twoPhaseSessions, type Round } from './round.js';
import { handleOf } from './stored-state.js';

/**
 * Commits a durable manifest at the sinks that are prepared, all at once: whichever order they end
 * in, what is left is either settled or read again under a new fence.
 *
 * @throws RoundEnded `again` when a sink did not answer in time, or had nothing prepared after all.
 */
export async function commitSinks(
  round: Round,
  persisted: PersistedManifest,
  commit: ReadonlyMap<string, string>,
): Promise<void> {
  assertPersisted(persisted);
  const { manifest } = persisted;
  const asked = twoPhaseSessions(round)
    .filter(([sink]) => commit.has(sink))
    .map(async ([sink, session]) => {
      const handle = commit.get(sink) ?? '';
      assert(handle === handleOf(manifest, sink), `the handle of sink ${sink} is not the recorded`);
      // Once: a session may have died of the try. The next round opens new ones.
      const answer = await askOnce(round.patience, async (signal) =>
        checkedAnswer(
          `commit at sink ${sink}`,
          await session.commit(handle, { signal }),
          possibleAnswers,
        ),
      );
      return { sink, answer };
    });
  for (const { sink, answer } of await Promise.all(asked)) {
    requireAnswer(round, `sink ${sink} in the commit of ${manifest.checkpointId}`, answer);
    // The facts said prepared. Something took it away since: an expiry, or a person.
    if (!isApplied(answer)) {
      throw changed(`sink ${sink} no longer has anything prepared for ${manifest.checkpointId}`);
    }
  }
}

/**
 * Asks the sinks that can tell whether what they have prepared is undamaged, before any of them is
 * asked to commit it: afterwards nothing could be rolled back.
 *
 * @throws RoundEnded
 */
export async function verifyPrepared(
  round: Round,
  commit: ReadonlyMap<string, string>,
): Promise<void> {
  const asked = twoPhaseSessions(round).map(async ([sink, session]) => {
    const handle = commit.get(sink);
    if (handle === undefined || session.verify === undefined) return undefined;
    const answer = await ask(round.patience, async (signal) =>
      session.verify?.(handle, { signal }),
    );
    return { sink, answer };
  });
  for (const found of await Promise.all(asked)) {
    if (found === undefined) continue;
    requireAnswer(round, `sink ${found.sink}, asked to verify what it prepared`, found.answer);
  }
}

/**
 * Discards everything uncommitted at every two-phase sink, known to a manifest or not.
 *
 * @param target Handles, by sink, of the checkpoint that is being rolled back.
 * @throws RoundEnded `again` when one of those turns out to be committed: a split would follow; and
 * when a sink gave no answer: a roll back that lands later would take away what is prepared by then.
 */
export async function discardPrepared(
  round: Round,
  target: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const asked = twoPhaseSessions(round).map(async ([sink, session]) => {
    const answer = await askOnce(round.patience, (signal) =>
      session.rollback({ keep: [] }, { signal }),
    );
    return { sink, answer };
  });
  for (const { sink, answer } of await Promise.all(asked)) {
    const outcomes = requireAnswer(round, `sink ${sink} in its roll back`, answer);
    const handle = target.get(sink);
    if (handle !== undefined && outcomes.get(handle) === 'committed') {
      throw changed(`sink ${sink} had committed ${handle} when it was asked to roll it back`);
    }
  }
}

function requireAnswer<Value>(round: Round, who: string, answer: Answer<Value>): Value {
  if (answer.kind === 'answered') return answer.value;
  throwIfAborted(round.request.signal);
  const { problem } = answer;
  const how = answer.kind === 'refused' ? 'refused' : 'again';
  const code =
    answer.kind === 'refused' ? 'TIDEGATE_RECOVERY_SINK_REFUSED' : 'TIDEGATE_RECOVERY_UNANSWERED';
  const cause = new TidegateError(code, `${who}: ${problem.message}`, { cause: problem });
  throw new RoundEnded(how, cause);
}

const possibleAnswers: readonly CommitOutcome[] = ['applied', 'already-applied', 'absent'];

function isApplied(answer: Answer<CommitOutcome>): boolean {
  return answer.kind === 'answered' && answer.value !== 'absent';
}

function changed(what: string): RoundEnded {
  return new RoundEnded('again', new TidegateError('TIDEGATE_RECOVERY_UNANSWERED', what));
}
