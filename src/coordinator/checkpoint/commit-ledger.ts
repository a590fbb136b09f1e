// What is known of each sink in the commit of one checkpoint; it only moves forward.

import { assert } from '../../assert.js';
import type { SinkCommitStatus } from '../../manifest/types.js';

const pending: SinkCommitStatus = { kind: 'pending' };
const committed: SinkCommitStatus = { kind: 'committed' };

export class CommitLedger {
  readonly #statuses = new Map<string, SinkCommitStatus>();
  #isClosed = false;
  /** What a sink threw last, of one that has not committed. */
  lastError: unknown;

  /** Every sink has an entry from the start, so that none can be forgotten. */
  enter(sink: string, status: 'pending' | 'committed'): void {
    assert(!this.#statuses.has(sink), `sink ${sink} is entered twice in one commit`);
    this.#statuses.set(sink, status === 'committed' ? committed : pending);
  }

  /**
   * Notes what a sink answered. False for an answer that comes after the books were closed: the
   * manifest may have been saved without it, so it must not count.
   */
  note(sink: string, status: SinkCommitStatus): boolean {
    if (this.#isClosed) return false;
    const known = this.#statuses.get(sink);
    assert(known !== undefined, `sink ${sink} takes no part in this commit`);
    assert(known.kind !== 'committed', `sink ${sink} has committed already`);
    this.#statuses.set(sink, status);
    return true;
  }

  /** No answer counts after this. */
  close(): void {
    this.#isClosed = true;
  }

  get statuses(): ReadonlyMap<string, SinkCommitStatus> {
    return this.#statuses;
  }

  /** Sinks that are not known to have committed. */
  unsettled(): readonly string[] {
    return [...this.#statuses]
      .filter(([, status]) => status.kind !== 'committed')
      .map(([sink]) => sink);
  }
}
