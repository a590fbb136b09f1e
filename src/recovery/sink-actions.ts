// What recovery does to sinks: commit what is decided, discard everything else. All idempotent.

import { handleOf } from '../manifest/sinks.js';
import type { CommitOutcome } from '../contracts/sink.js';
import { assert } from '../assert.js';
import { TidegateError } from '../errors.js';
import { assertPersisted, type PersistedManifest } from '../store/persisted-manifest.js';
import { ask, askOnce, PassEnded, throwIfAborted, type Answer } from './ask.js';
import { checkedAnswer, twoPhaseSessions, type RecoveryPass } from './pass.js';

/**
 * Commits a durable manifest at the sinks that are prepared, all at once: whichever order they end
 * in, what is left is either settled or read again under a new fence.
 *
 * @throws PassEnded `again` when a sink did not answer in time, or had nothing prepared after all.
 */
export async function commitSinks(
  pass: RecoveryPass,
  persisted: PersistedManifest,
  commit: ReadonlyMap<string, string>,
): Promise<void> {
  assertPersisted(persisted);
  const { manifest } = persisted;
  const asked = twoPhaseSessions(pass)
    .filter(([sink]) => commit.has(sink))
    .map(async ([sink, session]) => {
      const handle = commit.get(sink) ?? '';
      assert(handle === handleOf(manifest, sink), `the handle of sink ${sink} is not the recorded`);
      // Once: a session may have died of the try. The next pass opens new ones.
      const answer = await askOnce(pass.budget, async (signal) =>
        checkedAnswer(
          `commit at sink ${sink}`,
          await session.commit(handle, { signal }),
          possibleAnswers,
        ),
      );
      return { sink, answer };
    });
  for (const { sink, answer } of await Promise.all(asked)) {
    requireAnswer(pass, `sink ${sink} in the commit of ${manifest.checkpointId}`, answer);
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
 * @throws PassEnded
 */
export async function verifyPrepared(
  pass: RecoveryPass,
  commit: ReadonlyMap<string, string>,
): Promise<void> {
  const asked = twoPhaseSessions(pass).map(async ([sink, session]) => {
    const handle = commit.get(sink);
    if (handle === undefined || session.verify === undefined) return undefined;
    const answer = await ask(pass.budget, async (signal) => session.verify?.(handle, { signal }));
    return { sink, answer };
  });
  for (const found of await Promise.all(asked)) {
    if (found === undefined) continue;
    requireAnswer(pass, `sink ${found.sink}, asked to verify what it prepared`, found.answer);
  }
}

/**
 * Discards everything uncommitted at every two-phase sink, known to a manifest or not.
 *
 * @param target Handles, by sink, of the checkpoint that is being rolled back.
 * @throws PassEnded `again` when one of those turns out to be committed: a split would follow; and
 * when a sink gave no answer: a roll back that lands later would take away what is prepared by then.
 */
export async function discardPrepared(
  pass: RecoveryPass,
  target: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const asked = twoPhaseSessions(pass).map(async ([sink, session]) => {
    const answer = await askOnce(pass.budget, (signal) =>
      session.rollback({ keep: [] }, { signal }),
    );
    return { sink, answer };
  });
  for (const { sink, answer } of await Promise.all(asked)) {
    const outcomes = requireAnswer(pass, `sink ${sink} in its roll back`, answer);
    const handle = target.get(sink);
    if (handle !== undefined && outcomes.get(handle) === 'committed') {
      throw changed(`sink ${sink} had committed ${handle} when it was asked to roll it back`);
    }
  }
}

function requireAnswer<Value>(pass: RecoveryPass, who: string, answer: Answer<Value>): Value {
  if (answer.kind === 'answered') return answer.value;
  throwIfAborted(pass.request.signal);
  const { problem } = answer;
  const how = answer.kind === 'refused' ? 'refused' : 'again';
  const code =
    answer.kind === 'refused' ? 'TIDEGATE_RECOVERY_SINK_REFUSED' : 'TIDEGATE_RECOVERY_UNANSWERED';
  const cause = new TidegateError(code, `${who}: ${problem.message}`, { cause: problem });
  throw new PassEnded(how, cause);
}

const possibleAnswers: readonly CommitOutcome[] = ['applied', 'already-applied', 'absent'];

function isApplied(answer: Answer<CommitOutcome>): boolean {
  return answer.kind === 'answered' && answer.value !== 'absent';
}

function changed(what: string): PassEnded {
  return new PassEnded('again', new TidegateError('TIDEGATE_RECOVERY_UNANSWERED', what));
}
