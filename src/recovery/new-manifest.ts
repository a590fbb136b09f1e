// The manifests that recovery makes: derived from stored ones, or of its own. Pure.

import type { CheckpointManifest, SinkCommitStatus, TidegateFields } from '../manifest/types.js';

/** Who writes a manifest. */
export type ManifestOwner = Pick<TidegateFields, 'storeId' | 'pipeline' | 'generation'>;

/** Every sink has committed: statuses and sink epochs as the last step of a checkpoint writes them. */
export function completed(manifest: CheckpointManifest): CheckpointManifest {
  const sinks = new Set([...manifest.sinkNames, ...manifest.sinkCommitStatuses.keys()]);
  if (sinks.size === 0) return manifest;
  const sinkCommitStatuses = new Map(manifest.sinkCommitStatuses);
  const sinkEpochs = new Map(manifest.sinkEpochs);
  for (const sink of sinks) {
    sinkCommitStatuses.set(sink, { kind: 'committed' });
    sinkEpochs.set(sink, Math.max(manifest.epoch, sinkEpochs.get(sink) ?? 0));
  }
  return { ...manifest, sinkCommitStatuses, sinkEpochs };
}

/**
 * Discarded. The mark decides; the statuses are for readers that know only them, and no
 * rule reads their text.
 */
export function rolledBack(
  manifest: CheckpointManifest,
  owner: ManifestOwner,
  reason: string,
): CheckpointManifest {
  const failed: SinkCommitStatus = { kind: 'failed', message: `rolled back: ${reason}` };
  const sinkCommitStatuses = new Map(manifest.sinkCommitStatuses);
  for (const sink of [...manifest.sinkNames, ...sinkCommitStatuses.keys()]) {
    if (sinkCommitStatuses.get(sink)?.kind !== 'committed') sinkCommitStatuses.set(sink, failed);
  }
  const tidegate = manifest.tidegate ?? ownFields(owner);
  const mark = { reason, generation: owner.generation };
  return { ...manifest, sinkCommitStatuses, tidegate: { ...tidegate, rolledBack: mark } };
}

/** tidegate's fields of a manifest that no sink prepared anything for. */
export function ownFields(owner: ManifestOwner): TidegateFields {
  const { storeId, pipeline, generation } = owner;
  return {
    storeId,
    pipeline,
    generation,
    kind: 'checkpoint',
    commitHandles: new Map(),
  };
}
