// The fence: every sink is opened in the owner's generation before anything is looked at.

import {
  type SinkSession,
  isTwoPhase,
  type SinkInspector,
  type TwoPhaseSink,
} from '../contracts/sink.js';
import { hasErrorCode, isTidegateError, TidegateError } from '../errors.js';
import { sharedAbort } from '../runtime/abort.js';
import { withDeadline } from '../runtime/deadline.js';
import type { OwnedStore, StoreReader } from '../store/checkpoint-store.js';
import { ask, PassEnded, throwIfAborted, type Answer, type RetryBudget } from './ask.js';
import type { SinkAnswer } from './facts.js';
import type { RecoveryRequest } from './request.js';
import type { Participants } from '../contracts/participants.js';
import { storeId, type CheckpointId, type StoreId } from '../ids.js';

export interface OpenedSinks {
  readonly sessions: ReadonlyMap<string, SinkSession>;
  readonly answers: ReadonlyMap<string, SinkAnswer>;
}

/**
 * Opens all sinks at once. The first refusal ends the wait for the others: it settles the matter.
 *
 * @throws PassEnded `again` when a sink may have been fenced by a call of this generation whose
 * answer was lost: only the next generation can tell that from another owner.
 */
export async function openSinks(
  request: RecoveryRequest,
  store: OwnedStore,
  budget: RetryBudget,
): Promise<OpenedSinks> {
  // One controller for both reasons: Node keeps what AbortSignal.any makes while anybody listens.
  const refused = sharedAbort();
  const { signal } = refused;
  const onAbort = (): void => refused.abort(budget.signal.reason);
  budget.signal.addEventListener('abort', onAbort, { once: true });
  if (budget.signal.aborted) onAbort();
  const sessions = new Map<string, SinkSession>();
  const answers = new Map<string, SinkAnswer>();
  let lostAnswer: { readonly sink: string; readonly problem: Error } | undefined;
  const openings = [...request.participants.sinks].map(async ([name, sink]) => {
    const { storeId, pipeline, generation } = store;
    const owner = { storeId, pipeline, sink: name, generation };
    const answer = await ask({ ...budget, signal }, async (callSignal): Promise<SinkSession> => {
      const session = await sink.open(owner, { signal: callSignal });
      // The opening was abandoned: a session that came late must not hold on to the sink.
      if (callSignal.aborted) await session.close?.();
      return session;
    });
    if (answer.kind === 'answered') sessions.set(name, answer.value);
    if (isOwnFence(answer))
      lostAnswer = { sink: name, problem: answer.unclearBefore ?? answer.problem };
    // Not with its error: the calls that this ends would tell it as their own.
    if (answer.kind === 'refused') refused.abort(new Error(`sink ${name} refused`));
    answers.set(name, toSinkAnswer(answer, signal));
  });
  await Promise.all(openings);
  budget.signal.removeEventListener('abort', onAbort);
  if (!budget.signal.aborted && lostAnswer === undefined) return { sessions, answers };
  await closeSinks(sessions, budget);
  throwIfAborted(budget.signal);
  // Not with the refusal that followed: it reads as if there were another owner.
  const message =
    lostAnswer === undefined
      ? 'the opening of the sinks was ended'
      : `the opening of sink ${lostAnswer.sink} failed half-way: ${lostAnswer.problem.message}`;
  const options = { cause: lostAnswer?.problem };
  throw new PassEnded('again', new TidegateError('TIDEGATE_RECOVERY_UNANSWERED', message, options));
}

/** Best effort: what does not close in time is fenced by the next opening. */
export async function closeSinks(
  sessions: ReadonlyMap<string, Pick<SinkSession, 'close'>>,
  { ports, callTimeoutMs: timeoutMs }: RetryBudget,
): Promise<void> {
  const closings = [...sessions].map(async ([sink, session]) => {
    const outcome = await withDeadline({ clock: ports.clock, timeoutMs }, () => session.close?.());
    if (outcome.kind !== 'answered') {
      ports.logger.warn({ sink, outcome: outcome.kind }, 'a sink could not be closed');
    }
  });
  await Promise.all(closings);
}

export function toSinkAnswer(answer: Answer<unknown>, others?: AbortSignal): SinkAnswer {
  switch (answer.kind) {
    case 'answered':
      return { kind: 'answered' };
    case 'refused': {
      const { problem } = answer;
      return {
        kind: 'refused',
        problem,
        code: isTidegateError(problem) ? problem.code : undefined,
      };
    }
    case 'unanswered':
      return others?.aborted ? { kind: 'not-asked' } : answer;
  }
}

/** A sink that took effect and lost its answer refuses the same generation a second time. */
function isOwnFence(answer: Answer<unknown>): answer is Answer<never> & { kind: 'refused' } {
  if (answer.kind !== 'refused' || answer.unclearBefore === undefined) return false;
  return hasErrorCode(answer.problem, 'TIDEGATE_FENCED');
}

export interface AskedSinks {
  readonly answers: ReadonlyMap<string, SinkAnswer>;
  readonly budget: RetryBudget;
}

/**
 * Empty unless a sink was refused because it remembers another store. Asked once, from read-only
 * openings, and never decided by: a sink that does not answer is left out.
 */
export async function readMarkersOfOtherStore(
  { sinks }: Participants,
  { pipeline }: StoreReader,
  { answers, budget }: AskedSinks,
): Promise<ReadonlyMap<string, CheckpointId>> {
  const markers = new Map<string, CheckpointId>();
  const remembered = rememberedStore(answers);
  if (remembered === undefined || pipeline === undefined) return markers;
  const asked = [...sinks].map(async ([name, sink]) => {
    if (!isTwoPhase(sink)) return;
    const identity = { storeId: remembered, pipeline, sink: name };
    const marker = await lastCommitted(sink, identity, budget);
    if (marker !== undefined) markers.set(name, marker);
  });
  await Promise.all(asked);
  return markers;
}

/** The store that a refusing sink says it belongs to. */
function rememberedStore(answers: ReadonlyMap<string, SinkAnswer>): StoreId | undefined {
  for (const answer of answers.values()) {
    if (answer.kind !== 'refused' || answer.code !== 'TIDEGATE_SINK_STORE') continue;
    const { problem } = answer;
    const id = isTidegateError(problem) ? problem.details.remembered : undefined;
    if (typeof id === 'string') return storeId(id);
  }
  return undefined;
}

async function lastCommitted(
  sink: TwoPhaseSink,
  identity: Parameters<TwoPhaseSink['openReadOnly']>[0],
  { ports, callTimeoutMs: timeoutMs, signal }: RetryBudget,
): Promise<CheckpointId | undefined> {
  const bound = { clock: ports.clock, timeoutMs, signal };
  const read = async (inner: AbortSignal): Promise<CheckpointId | undefined> => {
    let inspector: SinkInspector | undefined;
    try {
      inspector = await sink.openReadOnly(identity, { signal: inner });
      return await inspector.lastCommitted({ signal: inner });
    } finally {
      await inspector?.close?.();
    }
  };
  const outcome = await withDeadline(bound, read);
  return outcome.kind === 'answered' ? outcome.value : undefined;
}
