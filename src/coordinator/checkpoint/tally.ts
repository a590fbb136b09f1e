// What the latest attempts have come to: whether anything is still committed.

import type { Logger } from '../../runtime/logger.js';
import { errorOf, type AttemptEnd } from './outcome.js';

export class AttemptTally {
  readonly #logger: Logger;
  #abandonedInARow = 0;
  #lastProblem: unknown;
  droppedReports = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get abandonedInARow(): number {
    return this.#abandonedInARow;
  }

  /** Why the newest attempt did not complete; undefined when it did. */
  get lastProblem(): unknown {
    return this.#lastProblem;
  }

  count(end: AttemptEnd): void {
    this.#lastProblem = end.kind === 'completed' ? undefined : errorOf(end.cause);
    this.#abandonedInARow = end.kind === 'abandoned' ? this.#abandonedInARow + 1 : 0;
    if (this.#abandonedInARow < 2) return;
    // They never halt, and a first one is no news: a cause that lasts would go unnoticed.
    this.#logger.warn('checkpoints are abandoned in a row: nothing is committed meanwhile', {
      abandonedInARow: this.#abandonedInARow,
      cause: this.#lastProblem,
    });
  }
}
