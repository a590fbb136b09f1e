// What a scan of checkpoints says about each: one classification for every store. Pure.

import type { CheckpointId } from '../ids.js';
import { manifestIntegrity } from '../manifest/parse.js';
import type { CheckpointManifest } from '../manifest/types.js';
import type { CheckpointListing, CheckpointState } from './checkpoint-store.js';

/** One checkpoint as a store found it. */
export interface FoundCheckpoint {
  readonly id: CheckpointId;
  readonly byteLength: number;
  readonly content:
    | { readonly kind: 'orphan' }
    | { readonly kind: 'unreadable'; readonly problem: Error }
    | {
        readonly kind: 'readable';
        readonly manifest: CheckpointManifest;
        /** What is wrong with its sidecar. */
        readonly problem?: Error | undefined;
      };
}

/** Classifies a whole scan, newest first. */
export function listCheckpoints(found: readonly FoundCheckpoint[]): readonly CheckpointListing[] {
  const superseded = supersededIds(found);
  return [...found]
    .sort((left, right) => right.id - left.id)
    .map((checkpoint) => listingOf(checkpoint, superseded));
}

/**
 * Whether a manifest says that every sink has committed. A sink that is named without a status is
 * pending: its truth is at the sink.
 */
function isComplete(manifest: CheckpointManifest): boolean {
  const { sinkCommitStatuses } = manifest;
  const sinks = new Set([...manifest.sinkNames, ...sinkCommitStatuses.keys()]);
  return [...sinks].every((sink) => sinkCommitStatuses.get(sink)?.kind === 'committed');
}

function listingOf(
  { id, byteLength, content }: FoundCheckpoint,
  superseded: ReadonlySet<number>,
): CheckpointListing {
  if (content.kind === 'orphan') return { id, byteLength, state: 'orphan' };
  if (content.kind === 'unreadable') {
    const state = superseded.has(id) ? 'superseded' : 'corrupt';
    return { id, byteLength, state, problem: content.problem };
  }
  const { manifest, problem } = content;
  return {
    id,
    byteLength,
    state: superseded.has(id) ? 'superseded' : stateOf(manifest, problem),
    manifest,
    integrity: manifestIntegrity(manifest),
    kind: manifest.tidegate?.kind ?? 'checkpoint',
    ...(problem === undefined ? {} : { problem }),
  };
}

function stateOf(manifest: CheckpointManifest, problem: Error | undefined): CheckpointState {
  // Discarded is final, also when the sidecar is damaged or gone.
  if (manifest.tidegate?.rolledBack !== undefined) return 'rolled-back';
  if (problem !== undefined) return 'corrupt';
  return isComplete(manifest) ? 'complete' : 'in-doubt';
}

/** Only readable manifests count, and only for ids below their own: nothing supersedes itself. */
function supersededIds(found: readonly FoundCheckpoint[]): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const { id, content } of found) {
    if (content.kind !== 'readable') continue;
    const replaced = content.manifest.tidegate?.supersedes;
    if (replaced !== undefined && replaced < id) ids.add(replaced);
  }
  return ids;
}
