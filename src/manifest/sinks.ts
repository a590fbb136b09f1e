// Which sinks a manifest names, what they have committed, and the markers that it hands on. Pure.

import { generationOfCheckpointId } from '../ids.js';
import type { CheckpointManifest, SinkCommitStatus } from './types.js';

/**
 * The sinks whose commit decides about a checkpoint. tidegate names every sink and gives each a
 * status, so that one without a status is pending. LaminarDB gives a status to its two-phase sinks
 * alone: the others were flushed before the manifest was made and are never asked.
 */
export function sinksToCommit(manifest: CheckpointManifest): ReadonlySet<string> {
  return isForeign(manifest) ? new Set(manifest.sinkCommitStatuses.keys()) : namedSinks(manifest);
}

/** Every sink that a manifest names, also without a status. */
export function namedSinks({
  sinkNames,
  sinkCommitStatuses,
}: CheckpointManifest): ReadonlySet<string> {
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

/**
 * The newest checkpoint that each sink is known to have committed by a complete manifest: of sinks
 * that committed it by its own id, of the others as an earlier manifest said.
 */
function provenMarkers(manifest: CheckpointManifest): ReadonlyMap<string, number> {
  const proven = new Map(manifest.tidegate?.sinkMarkers);
  for (const [sink, handle] of manifest.tidegate?.commitHandles ?? []) {
    const isCommitted = manifest.sinkCommitStatuses.get(sink)?.kind === 'committed';
    if (handle !== '' && isCommitted) proven.set(sink, manifest.checkpointId);
  }
  return proven;
}

/**
 * What a manifest that follows `base` has to say of the sinks that it holds no handle of: a sink that
 * is set back to a backup shows by it, also one that was removed for a while. A marker never goes
 * back.
 *
 * @param known What the sinks themselves have answered, where they were asked.
 */
export function markersToHandOn(
  base: CheckpointManifest | undefined,
  known: Iterable<readonly [sink: string, marker: number | undefined]> = [],
): ReadonlyMap<string, number> {
  const markers = new Map(base === undefined ? [] : provenMarkers(base));
  for (const [sink, marker] of known) {
    if (marker !== undefined) markers.set(sink, Math.max(marker, markers.get(sink) ?? 0));
  }
  return markers;
}
