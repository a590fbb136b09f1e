// Which checkpoint each sink must at least have committed: what a manifest proves, and hands on. Pure.

import type { CheckpointManifest } from './types.js';

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
