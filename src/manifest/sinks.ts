// Which sinks a manifest has to hear from, and whether all of them have committed. Pure.

import { generationOfCheckpointId } from '../ids.js';
import type { CheckpointManifest, SinkCommitStatus } from './types.js';

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
 * Taken by LaminarDB, also when recovery has marked the manifest as rolled back since, which adds our
 * object. A checkpoint of tidegate has an id of the generation that it names.
 */
export function isTakenByOtherProgram({ checkpointId, tidegate }: CheckpointManifest): boolean {
  return tidegate?.generation !== generationOfCheckpointId(checkpointId);
}

/**
 * The foreign manifests in doubt below a newer foreign one, whatever the state of that. LaminarDB
 * rolls an epoch back that failed, takes the next one, and leaves the manifest behind. tidegate
 * never takes a checkpoint above one in doubt: its own stay in doubt, and recovery refuses two.
 */
export function failedEpochs(manifests: readonly CheckpointManifest[]): ReadonlySet<number> {
  const foreign = manifests.filter(isForeign);
  const lost = new Set(withoutOwnFields(manifests));
  const newest = foreign
    // One of ours in doubt that lost our object says nothing about how LaminarDB went on.
    .filter((manifest) => !lost.has(manifest) || isCommittedEverywhere(manifest))
    .reduce((high, { checkpointId }) => Math.max(high, checkpointId), 0);
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

/** A sink that is named without a status is pending: its truth is at the sink. */
export function statusOf(manifest: CheckpointManifest, sink: string): SinkCommitStatus {
  return manifest.sinkCommitStatuses.get(sink) ?? { kind: 'pending' };
}

/** An empty text is none: no sink gives one, and none must be asked to commit it. */
export function handleOf(manifest: CheckpointManifest, sink: string): string | undefined {
  const handle = manifest.tidegate?.commitHandles.get(sink);
  return handle === '' ? undefined : handle;
}
