// Step 3: every sink prepares the epoch, so that only a small, safe step is left to commit it.

import { assert } from '../../../assert.js';
import type { Prepared } from '../../../contracts/sink.js';
import { TidegateError } from '../../../errors.js';
import { forEachBounded } from '../../../runtime/for-each-bounded.js';
import type { OpenSink } from '../../lifecycle/generation.js';
import { shortReason, shortText } from '../../../runtime/short-text.js';
import type { Attempt, StepInput } from '../attempt.js';

/** Handles of the two-phase sinks, by name. */
export type PreparedSinks = ReadonlyMap<string, Prepared>;

/** A handle goes into the manifest: it points at the output, it is not the output. */
const maxHandleLength = 65_536;

export async function preCommitSinks(
  { attempt }: StepInput,
  signal: AbortSignal,
): Promise<PreparedSinks> {
  const { context, generation, claim } = attempt;
  const prepared = new Map<string, Prepared>();
  const sinks = [...generation.sinks.values()];
  for (const { name } of sinks) {
    assert(claim.takeForSink(), `sink ${name} claims an attempt that was abandoned`);
  }
  const begun: Promise<unknown>[] = [];
  generation.unrecorded = { settled: () => Promise.allSettled(begun) };
  const { sinkConcurrency } = context.options;
  await forEachBounded(sinks, { concurrency: sinkConcurrency, signal }, async (sink) => {
    const preparing = prepareOne(attempt, sink, signal);
    begun.push(preparing);
    const one = await preparing;
    if (one !== undefined && !isOver(signal)) prepared.set(sink.name, one);
  });
  return prepared;
}

async function prepareOne(
  attempt: Attempt,
  sink: OpenSink,
  signal: AbortSignal,
): Promise<Prepared | undefined> {
  const { checkpointId, epoch, generation } = attempt.barrier;
  const { name, writer } = sink;
  await writer.quiet();
  if (isOver(signal)) return undefined;
  if (sink.kind === 'flushing') {
    await named(name, async () => sink.session.flush({ signal }));
    if (!isOver(signal)) writer.release();
    return undefined;
  }
  const request = { checkpointId, epoch, generation };
  const prepared = await named(name, () => sink.session.preCommit(request, { signal }));
  if (isOver(signal)) return undefined;
  checkPrepared(attempt, name, prepared);
  // A last-resource sink holds the next epoch back until its commit has been answered.
  if (sink.durability === 'durable') writer.release();
  return prepared;
}

/** Late: the attempt has ended, and with it the generation. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function named<Answer>(name: string, call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    const what = `sink ${name} could not pre-commit: ${shortReason(error)}`;
    throw new TidegateError('TIDEGATE_PARTICIPANT', what, {
      cause: error,
      details: { participant: name, step: 'pre-commit' },
    });
  }
}

function checkPrepared({ generation }: Attempt, name: string, prepared: Prepared): void {
  const { lastHandles } = generation;
  const handle: unknown = (prepared as Prepared | null | undefined)?.handle;
  if (typeof handle !== 'string' || handle === '' || handle.length > maxHandleLength) {
    throw misbehaved(
      name,
      `gave a handle that is not a text of 1 to ${maxHandleLength} characters`,
    );
  }
  // A sink that keys by epoch answers the second attempt of an epoch with the first one's output.
  if (lastHandles.get(name) === handle) {
    throw misbehaved(
      name,
      `gave handle ${shortText(handle)} for two attempts: it must key by checkpoint id`,
    );
  }
  lastHandles.set(name, handle);
}

function misbehaved(name: string, what: string): TidegateError {
  return new TidegateError('TIDEGATE_PARTICIPANT', `sink ${name} ${what}`, {
    details: { participant: name, step: 'pre-commit' },
  });
}
