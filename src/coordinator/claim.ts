// Who was first: a sink that claims an attempt, or the coordinator that abandons it.

/**
 * One compare-and-set per attempt. Once a sink has claimed it the attempt cannot be abandoned any
 * more: the sink may have prepared records that would then be forgotten but not rewound.
 */
export class Claim {
  #holder: 'nobody' | 'sinks' | 'abandoned' = 'nobody';

  /** Called synchronously before `preCommit`; false when the attempt was abandoned first. */
  takeForSink(): boolean {
    if (this.#holder === 'abandoned') return false;
    this.#holder = 'sinks';
    return true;
  }

  /** False when a sink was first: then the attempt can only fail. */
  abandon(): boolean {
    if (this.#holder === 'sinks') return false;
    this.#holder = 'abandoned';
    return true;
  }
}
