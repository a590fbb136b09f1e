// What sinks have committed under another store: read for the person who has to mend a refusal.

import type { Participants } from '../contracts/participants.js';
import { isTwoPhase, type SinkInspector, type TwoPhaseSink } from '../contracts/sink.js';
import { isTidegateError } from '../errors.js';
import { storeId, type CheckpointId, type StoreId } from '../ids.js';
import { withDeadline } from '../runtime/deadline.js';
import type { StoreReader } from '../store/checkpoint-store.js';
import type { Patience } from './ask.js';
import type { SinkAnswer } from './facts.js';

export interface AskedSinks {
  readonly answers: ReadonlyMap<string, SinkAnswer>;
  readonly patience: Patience;
}

/**
 * Empty unless a sink was refused because it remembers another store. Asked once, from read-only
 * openings, and never decided by: a sink that does not answer is left out.
 */
export async function markersElsewhere(
  { sinks }: Participants,
  { pipeline }: StoreReader,
  { answers, patience }: AskedSinks,
): Promise<ReadonlyMap<string, CheckpointId>> {
  const markers = new Map<string, CheckpointId>();
  const remembered = rememberedStore(answers);
  if (remembered === undefined || pipeline === undefined) return markers;
  const asked = [...sinks].map(async ([name, sink]) => {
    if (!isTwoPhase(sink)) return;
    const identity = { storeId: remembered, pipeline, sink: name };
    const marker = await lastCommitted(sink, identity, patience);
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
  { ports, callTimeoutMs: timeoutMs, signal }: Patience,
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
