// Step 7: what the sinks answered is written back; only then is the checkpoint a success.

import type { CheckpointManifest } from '../../../manifest/types.js';
import { persistUpdate, type PersistedManifest } from '../../../store/persisted-manifest.js';
import type { PersistedInput } from '../attempt.js';

export interface Resaved {
  readonly persisted: PersistedManifest;
  /** Sinks that are not known to have committed; recovery asks them. */
  readonly unsettled: readonly string[];
  /** The last that one of them threw, if one has. */
  readonly error: unknown;
}

export async function reSaveManifest(
  { attempt, persisted }: PersistedInput,
  signal: AbortSignal,
): Promise<Resaved> {
  const { ledger, generation, barrier } = attempt;
  // An answer that comes from now on is not in the manifest, so it must not count.
  ledger.close();
  const unsettled = ledger.unsettled();
  const next = withOutcome(persisted.manifest, ledger.statuses, barrier.epoch);
  const resaved = await persistUpdate(generation.store, persisted, next, { signal });
  if (unsettled.length === 0 && !signal.aborted) {
    generation.inDoubt = undefined;
    generation.base = resaved;
    for (const [sink, epoch] of next.sinkEpochs) generation.sinkEpochs.set(sink, epoch);
  }
  return { persisted: resaved, unsettled, error: ledger.lastError };
}

/** Statuses as they are known, and this epoch as the last committed one of those that committed. */
function withOutcome(
  manifest: CheckpointManifest,
  statuses: CheckpointManifest['sinkCommitStatuses'],
  epoch: number,
): CheckpointManifest {
  const sinkEpochs = new Map(manifest.sinkEpochs);
  for (const [sink, status] of statuses) {
    if (status.kind === 'committed') sinkEpochs.set(sink, epoch);
  }
  return { ...manifest, sinkCommitStatuses: new Map(statuses), sinkEpochs };
}
