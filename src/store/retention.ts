// Which checkpoints may go: counted in complete ones, so that failed attempts evict nothing. Pure.

import { assert } from '../assert.js';
import type { CheckpointId } from '../ids.js';
import type { CheckpointListing } from './checkpoint-store.js';

export const defaultRetainedCheckpoints = 3;

/**
 * The checkpoints to delete, oldest first. Kept are: the newest complete one, whatever is newer, the
 * newest `retainedCheckpoints` complete ones, every complete savepoint, and what a kept manifest
 * supersedes (it explains whose handles the kept one carries). Of the rest, what is complete, rolled
 * back or superseded goes; what is in doubt or cannot be read is evidence, and stays.
 *
 * What supersedes another goes only when that one is gone: nothing orders two deletions of one call,
 * and a power loss that kept the first alone would leave the superseded one in doubt once more.
 *
 * @param listings A whole scan.
 * @param retainedCheckpoints At least 1. Savepoints are not counted.
 */
export function checkpointsToPrune(
  listings: readonly CheckpointListing[],
  retainedCheckpoints: number,
): readonly CheckpointId[] {
  assert(
    Number.isSafeInteger(retainedCheckpoints) && retainedCheckpoints >= 1,
    `retained checkpoints ${retainedCheckpoints} is not 1 or more`,
  );
  const newestFirst = [...listings].sort((left, right) => right.id - left.id);
  const complete = newestFirst.filter(({ state }) => state === 'complete');
  const newestComplete = complete[0];
  if (newestComplete === undefined) return [];
  const counted = complete.filter(({ kind }) => kind !== 'savepoint').slice(0, retainedCheckpoints);
  const oldestKept = counted.at(-1)?.id ?? newestComplete.id;
  const present = new Set<number>(listings.map(({ id }) => id));
  const explained = supersededByKept(newestFirst, (listing) => listing.id >= oldestKept);
  return newestFirst
    .filter(({ id, state, kind, manifest }) => {
      if (id >= oldestKept || id >= newestComplete.id || explained.has(id)) return false;
      if (present.has(manifest?.tidegate?.supersedes ?? 0)) return false;
      if (state === 'complete') return kind !== 'savepoint';
      return state === 'rolled-back' || state === 'superseded';
    })
    .map(({ id }) => id)
    .reverse();
}

/** A chain of replays names one another, so each link that is kept keeps the next. */
function supersededByKept(
  newestFirst: readonly CheckpointListing[],
  isKept: (listing: CheckpointListing) => boolean,
): ReadonlySet<number> {
  const explained = new Set<number>();
  for (const listing of newestFirst) {
    const isSavepoint = listing.state === 'complete' && listing.kind === 'savepoint';
    const superseded = listing.manifest?.tidegate?.supersedes;
    if (superseded === undefined) continue;
    if (isKept(listing) || isSavepoint || explained.has(listing.id)) explained.add(superseded);
  }
  return explained;
}
