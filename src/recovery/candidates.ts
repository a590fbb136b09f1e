// Which checkpoint is N, which is its base, and where each sink stands on one of them. Pure.

import {
  handleOf,
  statusOf,
  failedEpochs,
  isCommittedEverywhere,
  isForeign,
  sinksToCommit,
} from '../manifest/sinks.js';
import type { Inspection } from '../contracts/sink.js';
import { manifestVersion, type CheckpointManifest } from '../manifest/types.js';
import { hasErrorCode, isTidegateError } from '../errors.js';
import type { CheckpointListing } from '../store/checkpoint-store.js';
import type { RecoveryFacts, StoredCheckpoint, StoredState } from './facts.js';

/** What one two-phase sink is known to be about one checkpoint. */
export type SinkStanding = 'committed' | 'prepared' | 'absent' | 'cannot-tell';

/** A checkpoint whose manifest can be read. */
export interface ReadableCheckpoint extends StoredCheckpoint {
  readonly manifest: CheckpointManifest;
}

/** N: the newest checkpoint that is not rolled back. */
export function newestOf(checkpoints: readonly StoredCheckpoint[]): StoredCheckpoint | undefined {
  return checkpoints.find(({ state }) => state !== 'rolled-back');
}

/** The newest complete and intact checkpoint below N. */
export function baseOf(checkpoints: readonly StoredCheckpoint[]): ReadableCheckpoint | undefined {
  const newest = newestOf(checkpoints);
  if (newest === undefined) return undefined;
  return checkpoints
    .filter(isReadable)
    .find(({ id, state, isIntact }) => id < newest.id && state === 'complete' && isIntact);
}

export function isReadable(stored: StoredCheckpoint): stored is ReadableCheckpoint {
  return stored.manifest !== undefined;
}

/**
 * Epochs of another program that failed and were left behind. They are marked before anything new is
 * written: in doubt below a manifest of ours they would be a riddle.
 */
export function failedEpochsIn({ checkpoints }: RecoveryFacts): readonly ReadableCheckpoint[] {
  return checkpoints
    .filter(isReadable)
    .filter(({ state, manifest }) => state === 'rolled-back' && isForeign(manifest));
}

export function twoPhaseNames(facts: RecoveryFacts): ReadonlySet<string> {
  return new Set([...facts.sinks].filter(([, sink]) => sink.twoPhase).map(([name]) => name));
}

/**
 * Where each sink stands that takes part in the decision: by the manifest where that says
 * `Committed`, by the sink's own answer otherwise. A sink without two phases was flushed before the
 * manifest was made and says nothing about the others, also when it is no longer registered.
 */
export function standingsOf(
  facts: RecoveryFacts,
  stored: ReadableCheckpoint,
): ReadonlyMap<string, SinkStanding> {
  const { manifest } = stored;
  const standings = new Map<string, SinkStanding>();
  for (const sink of sinksToCommit(manifest)) {
    const handle = handleOf(manifest, sink);
    const isCommitted = statusOf(manifest, sink).kind === 'committed';
    // Of one that was removed: with two phases it would have a handle, if the manifest is ours.
    const isRemoved = !facts.sinks.has(sink);
    const wasFlushed = isRemoved && isCommitted && manifest.tidegate !== undefined;
    const isFlushed = facts.sinks.get(sink)?.twoPhase === false || wasFlushed;
    if (isFlushed && handle === undefined) continue;
    const standing = isCommitted ? 'committed' : standingBy(stored.inspections.get(sink), handle);
    standings.set(sink, standing);
  }
  return standings;
}

/** Prepared without a handle is of no use: nothing could be committed with it. */
function standingBy(answer: Inspection | undefined, handle: string | undefined): SinkStanding {
  if (answer === undefined || answer === 'unsupported') return 'cannot-tell';
  return answer === 'prepared' && handle === undefined ? 'cannot-tell' : answer;
}

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
