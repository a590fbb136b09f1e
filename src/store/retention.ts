// Which checkpoints may go: counted in complete ones, so that failed attempts evict nothing. Pure.

import { assert } from '../assert.js';
import type { CheckpointId } from '../ids.js';
import type { CheckpointListing } from './checkpoint-store.js';

export const defaultRetainedCheckpoints = 3;

/**
 * The checkpoints to delete, oldest first. Kept are: the newest complete one, whatever is newer, the
 * newest `retainedCheckpoints` complete ones, and every complete savepoint. Of the rest, what is
 * complete or rolled back goes; what is in doubt or cannot be read is evidence, and stays.
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
  return newestFirst
    .filter(({ id, state, kind }) => {
      if (id >= oldestKept || id >= newestComplete.id) return false;
      if (state === 'complete') return kind !== 'savepoint';
      return state === 'rolled-back';
    })
    .map(({ id }) => id)
    .reverse();
}
