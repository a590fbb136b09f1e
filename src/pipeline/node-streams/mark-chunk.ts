// How a barrier travels in a stream of objects: as a chunk of its own, behind the records before it.

import type { Mark } from '../flow/elements.js';
import type { Place } from './place.js';

/** Never handed to a function of the user. */
export class MarkChunk {
  readonly mark: Mark;

  constructor(mark: Mark) {
    this.mark = mark;
  }

  /** A barrier of an abandoned attempt: it is dropped wherever it is met. */
  isVoidAt({ state }: Place): boolean {
    const { mark } = this;
    return mark.kind === 'barrier' && state.run?.isVoid(mark.barrier.checkpointId) === true;
  }

  /** Call when the barrier leaves a stage, so that a missing one can be found. */
  leaves(place: Place): void {
    if (this.mark.kind === 'barrier') place.lastBarrier = this.mark.barrier.checkpointId;
  }
}
