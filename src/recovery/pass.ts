// One pass of recovery: what was opened and read under one fence, and how it writes to the store.

import type { ManifestOwner } from '../manifest/create.js';
import { type SinkSession, type TwoPhaseSinkSession, isTwoPhase } from '../contracts/sink.js';
import { assert } from '../assert.js';
import { hasErrorCode, isTidegateError, TidegateError, toError } from '../errors.js';
import type { CheckpointId } from '../ids.js';
import type { CheckpointManifest, OperatorCheckpoint } from '../manifest/types.js';
import { inlineStateDigest } from '../store/state-checks.js';
import { withDeadline, sleep, type Bound } from '../runtime/deadline.js';
import type { LoadedCheckpoint, OwnedStore } from '../store/checkpoint-store.js';
import { persist, persistUpdate, type PersistedManifest } from '../store/persisted-manifest.js';
import { isFinal, PassEnded, throwIfAborted, type RetryBudget } from './ask.js';
import type { RecoveryRequest } from './request.js';
import { mayPass } from '../contracts/source-failure.js';
import { backoffMs } from '../runtime/backoff.js';

export interface RecoveryPass {
  readonly request: RecoveryRequest;
  /** Of the generation that the sinks are open in. */
  readonly store: OwnedStore;
  readonly sinks: ReadonlyMap<string, SinkSession>;
  readonly loaded: ReadonlyMap<CheckpointId, LoadedCheckpoint>;
  /** The newest commit of each two-phase sink, as it answered behind the fence. */
  readonly lastCommitted: ReadonlyMap<string, CheckpointId | undefined>;
  readonly budget: RetryBudget;
}

/** The two-phase sinks of a pass, by name. */
export function twoPhaseSessions({
  request,
  sinks,
}: RecoveryPass): readonly [string, TwoPhaseSinkSession][] {
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
export function save(pass: RecoveryPass, manifest: CheckpointManifest): Promise<PersistedManifest> {
  const what = `saving checkpoint ${manifest.checkpointId}`;
  return write(pass, what, (signal) => persist(pass.store, manifest, { signal }));
}

export function update(
  pass: RecoveryPass,
  previous: PersistedManifest,
  next: CheckpointManifest,
): Promise<PersistedManifest> {
  const what = `saving checkpoint ${next.checkpointId} again`;
  return write(pass, what, (signal) => persistUpdate(pass.store, previous, next, { signal }));
}

/** The operator states of a checkpoint, as its manifest names them. */
export interface StoredStates {
  readonly entries: ReadonlyMap<string, OperatorCheckpoint>;
  readonly checksum: string | undefined;
}

/** Writes the external ones of `entries` into the sidecar of a new checkpoint. */
export async function writeStates(
  pass: RecoveryPass,
  what: string,
  { id, entries, content, byteLength, timeoutMs }: ExternalStates,
): Promise<StoredStates> {
  const options = { maxBytes: byteLength, inlineDigest: inlineStateDigest(entries) };
  const writing = (signal: AbortSignal) =>
    pass.store.writeSidecar(id, content, { ...options, signal });
  const receipt = await write(pass, what, writing, timeoutMs);
  assert(receipt.byteLength === byteLength, `the sidecar of checkpoint ${id} is not complete`);
  return { entries, checksum: receipt.sha256 };
}

interface ExternalStates extends Pick<StoredStates, 'entries'> {
  readonly id: CheckpointId;
  readonly content: AsyncIterable<Uint8Array>;
  readonly byteLength: number;
  readonly timeoutMs: number;
}

/** Who writes in this pass. */
export function ownerOf({ storeId, pipeline, generation }: OwnedStore): ManifestOwner {
  return { storeId, pipeline, generation };
}

/**
 * One call that changes the store. It is not repeated in this generation: a first call whose
 * answer was lost may still be under way and would land on top of what came later. The next
 * generation fences it.
 *
 * @throws PassEnded
 */
export async function write<Value>(
  { request, budget }: Pick<RecoveryPass, 'request' | 'budget'>,
  what: string,
  call: (signal: AbortSignal) => Promise<Value>,
  timeoutMs: number = budget.callTimeoutMs,
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
  throw new PassEnded(how, asTidegateError(problem, what));
}

function asTidegateError(problem: Error, what: string): TidegateError {
  if (isTidegateError(problem)) return problem;
  const message = `${what} failed: ${problem.message}`;
  return new TidegateError('TIDEGATE_RECOVERY_UNANSWERED', message, { cause: problem });
}

/** Of a failure that says nothing of whether it passes. */
const attempts = 3;

/**
 * Calls a participant of this process. A failure that passes is waited for as long as a sink is that
 * does not answer: a broker that restarts must not need a person. Another one is tried a few times.
 *
 * @throws PassEnded `refused` with `TIDEGATE_RECOVERY_PARTICIPANT`.
 */
export async function askParticipant<Value>(
  { request, budget }: RecoveryPass,
  what: string,
  call: (signal: AbortSignal) => Value | PromiseLike<Value>,
  timeoutMs: number = budget.callTimeoutMs,
): Promise<Value> {
  const { signal, ports } = request;
  const { clock, random } = ports;
  const startedAtMs = clock.monotonicMs();
  for (let attempt = 1; ; attempt += 1) {
    let made: PromiseLike<Value> | undefined;
    const outcome = await withDeadline({ clock, timeoutMs, signal }, async (inner) => {
      made = (async () => call(inner))();
      return made;
    });
    if (outcome.kind === 'answered') return outcome.value;
    throwIfAborted(signal);
    const problem =
      outcome.kind === 'failed'
        ? toError(outcome.error)
        : new Error(`no answer within ${timeoutMs} ms`);
    const pauseMs = backoffMs(attempt, random.next());
    const isTimeUp = clock.monotonicMs() + pauseMs >= budget.deadlineMs;
    // A call that hangs may still be at work: a second one beside it could end in between.
    const isLate = outcome.kind === 'timed-out';
    const hangs = isLate && !(await ends({ clock, timeoutMs, signal }, made));
    const isTriedAgain = isLate || mayPass(problem) ? !isTimeUp : attempt < attempts;
    if (hangs || isFinal(problem) || !isTriedAgain) {
      const waitedMs = Math.round(clock.monotonicMs() - startedAtMs);
      const tries = attempt > attempts ? ` (tried ${attempt} times in ${waitedMs} ms)` : '';
      const message = `${what} failed: ${problem.message}${tries}`;
      const options = { cause: problem };
      throw new PassEnded(
        'refused',
        new TidegateError('TIDEGATE_RECOVERY_PARTICIPANT', message, options),
      );
    }
    ports.waits?.(problem);
    ports.logger.warn({ err: problem, pauseMs }, `${what} failed, and is tried again`);
    await sleep(clock, pauseMs, signal);
    throwIfAborted(signal);
  }
}

/** Whether a call that was given up, and has learnt so by its signal, comes to its end all the same. */
async function ends(bound: Bound, call: PromiseLike<unknown> | undefined): Promise<boolean> {
  const outcome = await withDeadline(bound, () => call);
  return outcome.kind === 'answered' || outcome.kind === 'failed';
}

/** @throws TidegateError for any other answer: it would be counted as one of them somewhere. */
export function checkedAnswer<Known extends string>(
  question: string,
  answer: unknown,
  possible: readonly Known[],
): Known {
  const known = possible.find((one) => one === answer);
  if (known !== undefined) return known;
  throw new TidegateError(
    'TIDEGATE_RECOVERY_SINK_REFUSED',
    `${question} was answered with ${String(answer)}, and not with ${possible.join(', ')}`,
  );
}
