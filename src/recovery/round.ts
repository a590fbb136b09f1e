// One round of recovery: what was opened and read under one fence, and how it writes to the store.

import type { SinkSession, TwoPhaseSinkSession } from '../contracts/sink.js';
import { isTwoPhase } from '../contracts/sink.js';
import { assert } from '../assert.js';
import { hasErrorCode, isTidegateError, TidegateError, toError } from '../errors.js';
import type { CheckpointId } from '../ids.js';
import type { CheckpointManifest } from '../manifest/types.js';
import { withDeadline } from '../runtime/deadline.js';
import type { LoadedCheckpoint, OwnedStore } from '../store/checkpoint-store.js';
import { persist, persistUpdate, type PersistedManifest } from '../store/persisted-manifest.js';
import type { ManifestOwner } from './new-manifest.js';
import { isFinal, RoundEnded, throwIfAborted, type Patience } from './ask.js';
import type { RecoveryRequest } from './request.js';

export interface Round {
  readonly request: RecoveryRequest;
  /** Of the generation that the sinks are open in. */
  readonly store: OwnedStore;
  readonly sinks: ReadonlyMap<string, SinkSession>;
  readonly loaded: ReadonlyMap<CheckpointId, LoadedCheckpoint>;
  /** The newest commit of each two-phase sink, as it answered behind the fence. */
  readonly lastCommitted: ReadonlyMap<string, CheckpointId | undefined>;
  readonly patience: Patience;
}

/** The two-phase sinks of a round, by name. */
export function twoPhaseSessions({
  request,
  sinks,
}: Round): readonly [string, TwoPhaseSinkSession][] {
  return [...request.participants.sinks]
    .filter(([, sink]) => isTwoPhase(sink))
    .map(([name]) => {
      const session = sinks.get(name);
      assert(session !== undefined, `sink ${name} takes part in a plan without being open`);
      return [name, session as TwoPhaseSinkSession];
    });
}

/**
 * Saves a manifest so that it is durable, also one of another writer: one that was merely visible can still
 * be taken back by a power failure after a sink has committed on it.
 */
export function save(round: Round, manifest: CheckpointManifest): Promise<PersistedManifest> {
  const what = `saving checkpoint ${manifest.checkpointId}`;
  return write(round, what, (signal) => persist(round.store, manifest, { signal }));
}

export function update(
  round: Round,
  previous: PersistedManifest,
  next: CheckpointManifest,
): Promise<PersistedManifest> {
  const what = `saving checkpoint ${next.checkpointId} again`;
  return write(round, what, (signal) => persistUpdate(round.store, previous, next, { signal }));
}

/** Who writes in this round. */
export function ownerOf({ storeId, pipeline, generation }: OwnedStore): ManifestOwner {
  return { storeId, pipeline, generation };
}

/**
 * One call that changes the store. It is not repeated in this generation: a first call whose
 * answer was lost may still be under way and would land on top of what came later. The next
 * generation fences it.
 *
 * @throws RoundEnded
 */
export async function write<Value>(
  { request, patience }: Pick<Round, 'request' | 'patience'>,
  what: string,
  call: (signal: AbortSignal) => Promise<Value>,
  timeoutMs: number = patience.callTimeoutMs,
): Promise<Value> {
  const { signal, ports } = request;
  const outcome = await withDeadline({ clock: ports.clock, timeoutMs, signal }, call);
  if (outcome.kind === 'answered') return outcome.value;
  throwIfAborted(signal);
  const problem =
    outcome.kind === 'failed'
      ? toError(outcome.error)
      : new Error(`${what} took longer than ${timeoutMs} ms`);
  const isForAnotherGeneration = hasErrorCode(problem, 'TIDEGATE_SEQUENCE_EXHAUSTED');
  const how = isFinal(problem) && !isForAnotherGeneration ? 'refused' : 'again';
  throw new RoundEnded(how, asTidegateError(problem, what));
}

function asTidegateError(problem: Error, what: string): TidegateError {
  if (isTidegateError(problem)) return problem;
  const message = `${what} failed: ${problem.message}`;
  return new TidegateError('TIDEGATE_RECOVERY_UNANSWERED', message, { cause: problem });
}
