// Which sinks a manifest has to hear from, and whether all of them have committed. Pure.

import { generationOfCheckpointId } from '../ids.js';
import type { CheckpointManifest } from './types.js';

/**
 * The sinks whose commit decides about a checkpoint. tidegate names every sink and gives each a
 * status, so that one without a status is pending. LaminarDB gives a status to its two-phase sinks
 * alone: the others were flushed before the manifest was made and are never asked.
 */
export function sinksToCommit(manifest: CheckpointManifest): ReadonlySet<string> {
  const { sinkNames, sinkCommitStatuses } = manifest;
  if (isForeign(manifest)) return new Set(sinkCommitStatuses.keys());
  return new Set([...sinkNames, ...sinkCommitStatuses.keys()]);
}

/** Whether every sink has committed, as far as the manifest says. */
export function isCommittedEverywhere(manifest: CheckpointManifest): boolean {
  const { sinkCommitStatuses } = manifest;
  return [...sinksToCommit(manifest)].every(
    (sink) => sinkCommitStatuses.get(sink)?.kind === 'committed',
  );
}

/** Written by LaminarDB, or saved again by it, which drops what it does not know. */
export function isForeign({ tidegate }: CheckpointManifest): boolean {
  return tidegate === undefined;
}

/**
 * The foreign manifests that are in doubt below a foreign complete one. LaminarDB goes on after an
 * epoch that failed and leaves its manifest behind: such a checkpoint was rolled back, not forgotten.
 * tidegate never leaves one: of its own, one in doubt below a complete one stays a riddle.
 */
export function failedEpochs(manifests: readonly CheckpointManifest[]): ReadonlySet<number> {
  const foreign = manifests.filter(isForeign);
  const lost = new Set(withoutOwnFields(manifests));
  const complete = foreign.filter(isCommittedEverywhere).map(({ checkpointId }) => checkpointId);
  const newest = complete.reduce((high, id) => Math.max(high, id), 0);
  return new Set(
    foreign
      .filter((manifest) => manifest.checkpointId < newest && !isCommittedEverywhere(manifest))
      .filter((manifest) => !lost.has(manifest))
      .map(({ checkpointId }) => checkpointId),
  );
}

/**
 * Manifests without our object among those of tidegate: their ids are of generations that tidegate
 * had, or later ones. LaminarDB saved them again, which drops the object, or went on by itself.
 */
export function withoutOwnFields(
  manifests: readonly CheckpointManifest[],
): readonly CheckpointManifest[] {
  const own = manifests.flatMap(({ tidegate }) => tidegate?.generation ?? []);
  const first = own.reduce((low, generation) => Math.min(low, generation), Infinity);
  return manifests.filter(
    (manifest) => isForeign(manifest) && generationOfCheckpointId(manifest.checkpointId) >= first,
  );
}
