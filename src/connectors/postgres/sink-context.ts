// What the parts of one opened sink work with.

import { TidegateError } from '../../errors.js';
import type { RecordForm } from '../../contracts/sink.js';
import type { Logger } from '../../runtime/logger.js';
import type { Catalog } from './catalog.js';
import type { PostgresDriver } from './driver.js';
import type { PostgresOwner } from './names.js';
import type { RecordBuffer } from './records.js';

export interface SinkContext<Rec> {
  readonly driver: PostgresDriver;
  readonly catalog: Catalog;
  readonly owner: PostgresOwner;
  readonly limits: SinkLimits;
  readonly logger: Logger;
  /** The table written to, if a lock on one of its rows can be waited for. */
  readonly collidesOn: string | undefined;
  /** Whether statements that are not ours run in the transaction, and might end it. */
  readonly runsUserStatements: boolean;
  newBuffer(): RecordBuffer<Rec>;
  /** Of a table; what a user's own statements take is not known. */
  readonly recordForm: RecordForm<Rec> | undefined;
  /** Gives back what it takes of what open sinks share: called when the session is closed. */
  leave(): void;
}

export interface SinkLimits {
  /** A chunk this large is sent while the epoch is still open, and the next one is encoded. */
  readonly chunkBytes: number;
  /** Where nothing can be sent before the pre-commit, an epoch may take this much memory. */
  readonly maxEpochBytes: number;
  /** How long a row may wait for another transaction's row. */
  readonly lockTimeoutMs: number;
  /**
   * Markers of the newest checkpoints that stay; above the number of checkpoints taken since the
   * oldest savepoint that is still to be restored.
   */
  readonly markersKept: number;
}

export const defaultLimits: SinkLimits = {
  chunkBytes: 131_072,
  maxEpochBytes: 268_435_456,
  lockTimeoutMs: 30_000,
  markersKept: 1_000,
};

export function checkLimits(limits: SinkLimits): SinkLimits {
  const problems = Object.entries(limits)
    .filter(([, value]) => !Number.isSafeInteger(value) || (value as number) < 1)
    .map(([name, value]) => `${name} is ${String(value)}, not a whole number above 0`);
  // Fewer would be pruned while the newest complete checkpoints still name them.
  if (limits.markersKept < markersKeptMin) {
    problems.push(`markersKept is ${limits.markersKept}, below ${markersKeptMin}`);
  }
  if (problems.length === 0) return limits;
  throw new TidegateError('TIDEGATE_POSTGRES_OPTIONS', problems.join('; '));
}

const markersKeptMin = 100;
