// The PostgreSQL source: an append-only table, read so that no transaction that commits late is skipped.
//
// Ids of a sequence become visible out of order: a transaction that took 7 may commit after the one
// that took 8 was read. So rows are read in the order of (transaction, key), and only those of
// transactions below the oldest one that is still running: nothing can appear there later.

import {
  completeOptions,
  contract,
  custom,
  flag,
  required,
  text,
  texts,
  whole,
  type OptionTable,
} from '../../options.js';
import type { ReadableSource, SourceBatch } from '../../contracts/source.js';
import { systemClock, type Clock } from '../../runtime/clock.js';
import { sleep } from '../../runtime/deadline.js';
import { toOffsets, toPlace, type Place } from './place.js';
import { driverOf, type DatabaseOptions } from './sink.js';
import { TableReader } from './table-reader.js';
import { quotedName, type TableOptions } from './table.js';

/** Options of `postgresSource`. */
export type PostgresSourceOptions = DatabaseOptions & {
  readonly table: TableOptions['table'];
  /**
   * Column that is unique within a transaction, for example a bigserial. A unique index has to say so,
   * on it alone or together with the transaction, and neither may be NULL.
   */
  readonly key: string;
  /** Column of type xid8, NOT NULL, with `DEFAULT pg_current_xact_id()`. An index on (it, key) is needed. */
  readonly transaction: string;
  /** Columns of a record. Default all. */
  readonly columns?: readonly string[];
  /** Default 500. */
  readonly batchRows?: number;
  /** Pause when there is nothing to read. Default 200. */
  readonly pollMs?: number;
  /**
   * End when there is nothing more to read, instead of waiting. Rows that are committed and held back
   * by an older transaction are waited for. Default false.
   */
  readonly endWhenEmpty?: boolean;
  /**
   * Accepts one position that is of another server, database or table, or whose last row is not there
   * any longer: the text that the refusal names. It says nothing of later positions.
   */
  readonly acceptPosition?: string;
  readonly clock?: Clock;
};

const optionTable = {
  pool: contract(['connect']),
  database: custom(),
  table: required(custom()),
  key: required(text()),
  transaction: required(text()),
  columns: texts(),
  batchRows: whole({ min: 1 }, 500),
  pollMs: whole({ min: 0, unit: 'milliseconds' }, 200),
  endWhenEmpty: flag(false),
  acceptPosition: text(),
  clock: contract(['now', 'setTimer'], systemClock),
} satisfies OptionTable<PostgresSourceOptions>;

/**
 * Records are rows whose values write the same text into another table, whatever the zone, the locale
 * and the settings of process and session: booleans, numbers (int2, int4, oid, float4, float8), Buffers
 * (bytea), arrays and json values where JavaScript holds the same, otherwise PostgreSQL's own text (int8,
 * numeric, dates and times, and every other type). `docs/postgres.md` has the table.
 *
 * A transaction that runs for long holds the rest back.
 */
export function postgresSource<Rec = Readonly<Record<string, unknown>>>(
  options: PostgresSourceOptions,
): ReadableSource<Rec> {
  completeOptions('postgresSource', options, optionTable, { code: 'TIDEGATE_POSTGRES_OPTIONS' });
  const { key, transaction, columns, batchRows = 500, acceptPosition } = options;
  const name = quotedName(options.table);
  const reader = new TableReader<Rec>(driverOf(options), {
    table: { name, key, transaction, columns },
    batchRows,
    acceptPosition,
  });
  const { pollMs = 200, endWhenEmpty = false, clock = systemClock } = options;
  let next: Place | undefined;
  return {
    position: () => toOffsets(next),
    async restore(offsets, call) {
      next = await reader.check(toPlace(offsets), call);
    },
    async *read(call): AsyncGenerator<SourceBatch<Rec>> {
      while (!call.signal.aborted) {
        const rows = await reader.after(next, call);
        const last = rows.at(-1);
        if (last !== undefined) {
          next = last.place;
          yield { records: rows.map(({ record }) => record), offsets: toOffsets(next) };
          continue;
        }
        // Committed rows that an open transaction hides would be lost with the end of the source.
        if (endWhenEmpty && !(await reader.hasAny(next, call))) return;
        await sleep(clock, pollMs, call.signal);
      }
    },
  };
}
