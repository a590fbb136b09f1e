// One generation at work: what it opened, and what it has learnt since.

import type { SinkSession } from '../contracts/sink.js';
import type { CheckpointId, Epoch, Generation } from '../ids.js';
import type { RecoveryOutcome } from '../recovery/request.js';
import { withDeadline } from '../runtime/deadline.js';
import type { OwnedStore } from '../store/checkpoint-store.js';
import type { PersistedManifest } from '../store/persisted-manifest.js';
import { HoldingWriter } from './holding-writer.js';
import type { StepContext } from './step-context.js';

export interface GenerationRun {
  readonly generation: Generation;
  readonly store: OwnedStore;
  readonly sinks: ReadonlyMap<string, SinkSession>;
  readonly writers: ReadonlyMap<string, HoldingWriter>;
  /** The newest complete checkpoint. */
  base: PersistedManifest;
  /** Epoch of the next cut; an abandoned attempt leaves it to the next one. */
  nextEpoch: Epoch;
  /** Last committed epoch of each sink; absent before its first commit. */
  readonly sinkEpochs: Map<string, number>;
  /** Handle that each sink gave last: one given again for another attempt is a sink's mistake. */
  readonly lastHandles: Map<string, string>;
  /** The one checkpoint that is durable and whose commit is not. */
  inDoubt: CheckpointId | undefined;
  /** Its sinks are being closed, or are; once is enough. */
  closing?: Promise<void>;
}

/** A generation as recovery leaves it: sinks open, everything put back to one checkpoint. */
export function openRun(
  context: StepContext,
  outcome: Exclude<RecoveryOutcome, { readonly kind: 'refused' }>,
  failed: (error: unknown) => void,
): GenerationRun {
  const { store, sinks, base } = outcome;
  const writers = new Map<string, HoldingWriter>();
  for (const [sink, session] of sinks) {
    const writer = new HoldingWriter({
      sink,
      generation: store.generation,
      queuedRecordsMax: context.options.queuedRecordsMax,
      queuedBytesMax: context.options.queuedBytesMax,
      write: (records) => session.write(records),
      failed: (error) => {
        context.events.emit('trouble', { what: `a write to sink ${sink} failed`, error });
        failed(error);
      },
    });
    writers.set(sink, writer);
  }
  return {
    generation: store.generation,
    store,
    sinks,
    writers,
    base,
    nextEpoch: outcome.nextEpoch,
    sinkEpochs: new Map(base.manifest.sinkEpochs),
    lastHandles: new Map(),
    inDoubt: undefined,
  };
}

/** Closes the sinks of a generation, each within its bound; a failure here hurts nobody. */
export function closeSinks(context: StepContext, run: GenerationRun): Promise<void> {
  run.closing ??= closeEach(context, run);
  return run.closing;
}

async function closeEach(context: StepContext, run: GenerationRun): Promise<void> {
  const { clock, options, logger } = context;
  const closing = [...run.sinks].map(async ([sink, session]) => {
    const bound = { clock, timeoutMs: options.callTimeoutMs };
    const outcome = await withDeadline(bound, () => session.close?.());
    if (outcome.kind !== 'answered') logger.warn('a sink could not be closed', { sink, outcome });
  });
  await Promise.all(closing);
}
