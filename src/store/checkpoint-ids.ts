// The checkpoint ids of one owner: each given out once, none with a sync of its own.

import { TidegateError } from '../errors.js';
import {
  checkpointIdOf,
  checkpointIdsPerGeneration,
  generationOfCheckpointId,
  type CheckpointId,
  type Generation,
} from '../ids.js';

/**
 * Counts the ids of a generation. The generation is durable before its owner has this object and is
 * never taken twice, so an id that was lost in a crash is not given out again.
 */
export class CheckpointIds {
  #nextSequence: number;

  /** @param firstSequence Above 1 only to come near the end. */
  constructor(
    private readonly generation: Generation,
    firstSequence = 1,
  ) {
    this.#nextSequence = firstSequence;
  }

  allocate(): CheckpointId {
    if (this.#nextSequence >= checkpointIdsPerGeneration) {
      throw new TidegateError(
        'TIDEGATE_SEQUENCE_EXHAUSTED',
        `generation ${this.generation} has allocated all its ${checkpointIdsPerGeneration - 1} ids`,
      );
    }
    this.#nextSequence += 1;
    return checkpointIdOf(this.generation, this.#nextSequence - 1);
  }

  /** @throws TidegateError `TIDEGATE_CHECKPOINT_ID` unless this object gave the id out. */
  checkAllocated(id: number): void {
    const isOwn = generationOfCheckpointId(id) === this.generation;
    if (isOwn && id % checkpointIdsPerGeneration < this.#nextSequence) return;
    throw new TidegateError(
      'TIDEGATE_CHECKPOINT_ID',
      `checkpoint id ${id} was not allocated by generation ${this.generation}`,
    );
  }
}
