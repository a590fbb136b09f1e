// What a manifest says about itself: complete, in doubt or discarded. Pure.

import {
  manifestVersion,
  type CheckpointManifest,
  type SinkCommitStatus,
} from '../manifest/types.js';
import { failedEpochs, isCommittedEverywhere } from '../manifest/sinks.js';
import { hasErrorCode, isTidegateError } from '../errors.js';
import type { CheckpointListing } from '../store/checkpoint-store.js';
import type { StoredCheckpoint, StoredState } from './facts.js';

/** Classifies what a scan of the store gave, newest first. */
export function classify(listings: readonly CheckpointListing[]): readonly StoredCheckpoint[] {
  const whole = listings.filter(({ state }) => state === 'complete' || state === 'in-doubt');
  const failed = failedEpochs(whole.flatMap(({ manifest }) => manifest ?? []));
  return listings
    .filter((listing) => listing.state !== 'orphan')
    .sort((left, right) => right.id - left.id)
    .map((listing) => ({
      id: listing.id,
      state: failed.has(listing.id) ? 'rolled-back' : stateOf(listing),
      manifest: listing.manifest,
      isIntact: false,
      problem: listing.problem ?? damageOf(listing),
      inspections: new Map(),
    }));
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

/** The store's word, except where this code must not resume what the store can read. */
function stateOf(listing: CheckpointListing): StoredState {
  const { state, manifest, problem } = listing;
  if (state === 'rolled-back' || state === 'newer') return state;
  if (hasErrorCode(problem, 'TIDEGATE_MANIFEST_VERSION')) return 'newer';
  if (manifest === undefined) return isBeyondThisProgram(problem) ? 'unsupported' : 'corrupt';
  if (manifest.version > manifestVersion) return 'newer';
  if (state === 'corrupt' || damageOf(listing) !== undefined) return 'corrupt';
  return isCommittedEverywhere(manifest) ? 'complete' : 'in-doubt';
}

/** Values that no checkpoint can have, and a manifest in another one's place. */
function damageOf({ id, manifest }: CheckpointListing): Error | undefined {
  if (manifest === undefined) return undefined;
  if (manifest.version === 0) return new Error('its version is 0');
  if (manifest.epoch === 0) return new Error('its epoch is 0');
  if (manifest.checkpointId === 0) return new Error('its checkpoint id is 0');
  if (manifest.checkpointId !== id) {
    return new Error(`it says checkpoint ${manifest.checkpointId} in the place of ${id}`);
  }
  return undefined;
}

/** A kind `invalid` problem is no damage: the document asks for a reader that can do more. */
function isBeyondThisProgram(problem: Error | undefined): boolean {
  return isTidegateError(problem) && problem.kind === 'invalid';
}
