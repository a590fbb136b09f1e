// What the parts of one opened sink work with.

import type { RecordForm } from '../../contracts/sink.js';
import { whole, type OptionTable } from '../../options.js';
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

/** Bounds of a PostgreSQL sink. */
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

export const limitTable = {
  chunkBytes: whole({ min: 1 }, 131_072),
  maxEpochBytes: whole({ min: 1 }, 268_435_456),
  lockTimeoutMs: whole({ min: 1, unit: 'milliseconds' }, 30_000),
  // Fewer would be pruned while the newest complete checkpoints still name them.
  markersKept: whole({ min: 100 }, 1_000),
} satisfies OptionTable<SinkLimits>;

/** The limits alone, of options that were checked. */
export function limitsOf({
  chunkBytes = limitTable.chunkBytes.default,
  maxEpochBytes = limitTable.maxEpochBytes.default,
  lockTimeoutMs = limitTable.lockTimeoutMs.default,
  markersKept = limitTable.markersKept.default,
}: Partial<SinkLimits>): SinkLimits {
  return { chunkBytes, maxEpochBytes, lockTimeoutMs, markersKept };
}
