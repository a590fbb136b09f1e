// What a scan of checkpoints says about each: one classification for every store. Pure.

import type { CheckpointId } from '../ids.js';
import { manifestIntegrity } from '../manifest/parse.js';
import { failedEpochs, isCommittedEverywhere } from '../manifest/sinks.js';
import type { CheckpointManifest } from '../manifest/types.js';
import { checkManifestVersion } from '../manifest/version.js';
import { hasErrorCode, toError } from '../errors.js';
import type { CheckpointListing, CheckpointState } from './checkpoint-store.js';
import { checkRestorable } from './state-checks.js';

/** One checkpoint as a store found it. */
export interface FoundCheckpoint {
  readonly id: CheckpointId;
  readonly byteLength: number;
  readonly content:
    | { readonly kind: 'orphan' }
    | { readonly kind: 'unreadable'; readonly problem: Error }
    | Readable;
}

interface Readable {
  readonly kind: 'readable';
  readonly manifest: CheckpointManifest;
  /** What is wrong with its sidecar. */
  readonly problem?: Error | undefined;
}

/** Classifies a whole scan, newest first. */
export function listCheckpoints(found: readonly FoundCheckpoint[]): readonly CheckpointListing[] {
  const failed = failedEpochs(found.flatMap(wholeManifest));
  return [...found]
    .sort((left, right) => right.id - left.id)
    .map((checkpoint) => listingOf(checkpoint, failed));
}

function listingOf(
  { id, byteLength, content }: FoundCheckpoint,
  failed: ReadonlySet<number>,
): CheckpointListing {
  if (content.kind === 'orphan') return { id, byteLength, state: 'orphan' };
  if (content.kind === 'unreadable') {
    const { problem } = content;
    return { id, byteLength, state: stateOfUnreadable(problem), problem };
  }
  const { manifest } = content;
  const problem = problemOf(content);
  return {
    id,
    byteLength,
    state: stateOf(manifest, problem, failed),
    manifest,
    integrity: manifestIntegrity(manifest),
    kind: manifest.tidegate?.kind ?? 'checkpoint',
    ...(problem === undefined ? {} : { problem }),
  };
}

/** Another version has other fields: what is missing there is no damage. */
function stateOfUnreadable(problem: Error): CheckpointState {
  return hasErrorCode(problem, 'TIDEGATE_MANIFEST_VERSION') ? 'newer' : 'corrupt';
}

/** What keeps a readable checkpoint from ever being resumed, as loading it says. */
function problemOf({ manifest, problem }: Readable): Error | undefined {
  try {
    checkManifestVersion(manifest);
    checkRestorable(manifest);
    return problem;
  } catch (error) {
    return toError(error);
  }
}

/** Damaged ones decide about nothing else. */
function wholeManifest({ content }: FoundCheckpoint): readonly CheckpointManifest[] {
  if (content.kind !== 'readable' || problemOf(content) !== undefined) return [];
  return [content.manifest];
}

function stateOf(
  manifest: CheckpointManifest,
  problem: Error | undefined,
  failed: ReadonlySet<number>,
): CheckpointState {
  // Discarded is final, also when the sidecar is damaged or gone.
  if (manifest.tidegate?.rolledBack !== undefined) return 'rolled-back';
  if (problem !== undefined) return stateOfUnreadable(problem);
  if (failed.has(manifest.checkpointId)) return 'rolled-back';
  return isCommittedEverywhere(manifest) ? 'complete' : 'in-doubt';
}
