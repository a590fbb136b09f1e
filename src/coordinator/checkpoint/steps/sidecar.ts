// Step 4: large states are streamed into the sidecar, hashed on the way, and synced.

import { externalOperatorState, inlineOperatorState } from '../../../manifest/operator-state.js';
import type { OperatorCheckpoint } from '../../../manifest/types.js';
import { inlineStateDigest } from '../../../store/state-checks.js';
import type { EncodedStates } from './snapshot.js';
import type { StepInput } from '../attempt.js';

/** The manifest's entries of all states, with what the large ones point at already durable. */
export interface StoredStates {
  readonly entries: ReadonlyMap<string, OperatorCheckpoint>;
  /** Of the sidecar, and of the inline states before it; undefined where there is no sidecar. */
  readonly stateChecksum: string | undefined;
  readonly sidecarByteLength: number;
}

/** Without large states there is no sidecar, and step 4 has nothing to do. */
export const nothingStored: StoredStates = {
  entries: new Map(),
  stateChecksum: undefined,
  sidecarByteLength: 0,
};

export async function storeStates(
  { attempt, states }: StepInput & { readonly states: EncodedStates },
  signal: AbortSignal,
): Promise<StoredStates> {
  const { context, generation, barrier } = attempt;
  const entries = new Map<string, OperatorCheckpoint>();
  let inlineByteLength = 0;
  for (const [name, bytes] of states.inline) {
    inlineByteLength += bytes.byteLength;
    entries.set(name, inlineOperatorState(bytes));
  }
  const inlineDigest = inlineStateDigest(entries);
  const maxBytes = context.options.maxCheckpointBytes - inlineByteLength;
  const receipt = await generation.store.writeSidecar(
    barrier.checkpointId,
    sidecarChunks(states, entries),
    { maxBytes, inlineDigest, signal },
  );
  return { entries, stateChecksum: receipt.sha256, sidecarByteLength: receipt.byteLength };
}

/** Hands out the states one after the other, and notes for each the range that it got. */
async function* sidecarChunks(
  states: EncodedStates,
  entries: Map<string, OperatorCheckpoint>,
): AsyncGenerator<Uint8Array> {
  let byteOffset = 0;
  for (const name of [...states.large.keys()].sort()) {
    const state = states.large.get(name);
    if (state === undefined) continue;
    let byteLength = 0;
    const chunks = state.kind === 'buffer' ? [state.bytes] : state.chunks;
    for await (const chunk of chunks) {
      byteLength += chunk.byteLength;
      yield chunk;
    }
    entries.set(name, externalOperatorState(byteOffset, byteLength));
    byteOffset += byteLength;
  }
}
