// Deletes old markers now and then, behind a commit that is done.

import { toError } from '../../errors.js';
import type { PostgresSession } from './driver.js';
import type { SinkContext } from './sink-context.js';

/** Once in so many commits of a session, its first one included. */
const pruneEvery = 100;

export class MarkerPruning {
  readonly #context: SinkContext<never>;
  #commits = 0;

  constructor(context: SinkContext<never>) {
    this.#context = context;
  }

  /**
   * @param onSession Lends a session that holds the sink's lock. Never the transaction of an epoch: the
   * row of the sink would stay locked in it, and keep a newer owner from raising the generation.
   */
  async afterCommit(
    onSession: (prune: (session: PostgresSession) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    this.#commits += 1;
    if (this.#commits % pruneEvery !== 1) return;
    const { catalog, owner, limits, logger } = this.#context;
    try {
      await onSession((session) => catalog.prune(session, owner, limits.markersKept));
    } catch (error) {
      // It costs nothing but rows; what was committed must not be reported as failed.
      const { sink } = owner;
      logger.warn({ sink, err: toError(error) }, 'could not prune the markers of a sink');
    }
  }
}
