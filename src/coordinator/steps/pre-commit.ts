// Step 3: every sink prepares the epoch, so that only a small, safe step is left to commit it.

import { assert } from '../../assert.js';
import { TidegateError } from '../../errors.js';
import {
  isTwoPhase,
  type FlushingSinkSession,
  type Prepared,
  type TwoPhaseSinkSession,
} from '../../contracts/sink.js';
import type { Attempt } from '../attempt.js';
import { forEachBounded } from '../concurrency.js';
import { shortReason, shortText } from '../short-text.js';
import type { StepContext } from '../step-context.js';

/** Handles of the two-phase sinks, by name. */
export type PreparedSinks = ReadonlyMap<string, Prepared>;

/** A handle goes into the manifest: it points at the output, it is not the output. */
const handleMaxLength = 65_536;

export async function preCommitSinks(
  context: StepContext,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<PreparedSinks> {
  const prepared = new Map<string, Prepared>();
  const names = [...attempt.run.sinks.keys()];
  for (const sink of names) {
    assert(attempt.claim.takeForSink(), `sink ${sink} claims an attempt that was abandoned`);
  }
  const { sinkConcurrency } = context.options;
  await forEachBounded(names, { concurrency: sinkConcurrency, signal }, async (sink) => {
    const one = await prepareOne(context, attempt, sink, signal);
    if (one !== undefined && !isOver(signal)) prepared.set(sink, one);
  });
  return prepared;
}

async function prepareOne(
  context: StepContext,
  attempt: Attempt,
  name: string,
  signal: AbortSignal,
): Promise<Prepared | undefined> {
  const { run } = attempt;
  const sink = context.participants.sinks.get(name);
  const session = run.sinks.get(name);
  const writer = run.writers.get(name);
  assert(sink !== undefined && session !== undefined && writer !== undefined, `no sink ${name}`);
  await writer.quiet();
  if (isOver(signal)) return undefined;
  const prepared = await ask(name, () => {
    if (isTwoPhase(sink)) return prepare(attempt, session as TwoPhaseSinkSession, signal);
    return flush(session as FlushingSinkSession, signal);
  });
  if (isOver(signal)) return undefined;
  if (prepared !== undefined) checkPrepared(attempt, name, prepared);
  // The other classes hold the next epoch back until their commit has been answered.
  if (!isTwoPhase(sink) || sink.durability === 'durable') writer.release();
  return prepared;
}

/** Late: the attempt has ended, and with it the generation. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function prepare(
  attempt: Attempt,
  session: TwoPhaseSinkSession,
  signal: AbortSignal,
): Promise<Prepared> {
  const { checkpointId, epoch, generation } = attempt.barrier;
  return session.preCommit({ checkpointId, epoch, generation }, { signal });
}

async function flush(session: FlushingSinkSession, signal: AbortSignal): Promise<undefined> {
  await session.flush({ signal });
  return undefined;
}

async function ask<Answer>(name: string, question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch (error) {
    const what = `sink ${name} could not pre-commit: ${shortReason(error)}`;
    throw new TidegateError('TIDEGATE_PARTICIPANT', what, {
      cause: error,
      details: { participant: name, step: 'pre-commit' },
    });
  }
}

function checkPrepared(attempt: Attempt, name: string, prepared: Prepared): void {
  const { run } = attempt;
  const handle: unknown = (prepared as Prepared | null | undefined)?.handle;
  if (typeof handle !== 'string' || handle === '' || handle.length > handleMaxLength) {
    throw misbehaved(
      name,
      `gave a handle that is not a text of 1 to ${handleMaxLength} characters`,
    );
  }
  // A sink that keys by epoch answers the second attempt of an epoch with the first one's output.
  if (run.lastHandles.get(name) === handle) {
    throw misbehaved(
      name,
      `gave handle ${shortText(handle)} for two attempts: it must key by checkpoint id`,
    );
  }
  run.lastHandles.set(name, handle);
}

function misbehaved(name: string, what: string): TidegateError {
  return new TidegateError('TIDEGATE_PARTICIPANT', `sink ${name} ${what}`, {
    details: { participant: name, step: 'pre-commit' },
  });
}
