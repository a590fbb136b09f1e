// The PostgreSQL source: an append-only table, read so that no transaction that commits late is skipped.
//
// Ids of a sequence become visible out of order: a transaction that took 7 may commit after the one
// that took 8 was read. So rows are read in the order of (transaction, key), and only those of
// transactions below the oldest one that is still running: nothing can appear there any more.

import { TidegateError } from '../../errors.js';
import { requireOptions, type NamesOf } from '../../given.js';
import type { CallOptions, Offsets, ReadableSource, SourceBatch } from '../../contracts/source.js';
import { systemClock, type Clock } from '../../runtime/clock.js';
import { sleep } from '../../runtime/deadline.js';
import type { PostgresDriver, PostgresSession } from './driver.js';
import { quoteIdentifier } from './names.js';
import { driverOf, type DatabaseOptions } from './postgres-sink.js';
import { describeSource, type SourceTable } from './source-table.js';
import { quotedName, type TableOptions } from './table.js';
import { withSession } from './session-use.js';

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
  readonly clock?: Clock;
};

const knownOptions: NamesOf<PostgresSourceOptions> = {
  pool: true,
  database: true,
  table: true,
  key: true,
  transaction: true,
  columns: true,
  batchRows: true,
  pollMs: true,
  endWhenEmpty: true,
  clock: true,
};

interface Place {
  readonly transaction: string;
  readonly key: string;
}

/** Records are rows as the driver gives them. A transaction that runs for long holds the rest back. */
export function postgresSource<Rec = Readonly<Record<string, unknown>>>(
  options: PostgresSourceOptions,
): ReadableSource<Rec> {
  requireOptions('postgresSource', options, knownOptions);
  const reader = new TableReader<Rec>(options);
  const { pollMs = 200, endWhenEmpty = false, clock = systemClock } = options;
  let next: Place | undefined;
  return {
    position: () => toOffsets(next),
    async restore(offsets, call) {
      const place = toPlace(offsets);
      await reader.check(place, call);
      next = place;
    },
    async *read(call): AsyncGenerator<SourceBatch<Rec>> {
      while (!call.signal.aborted) {
        const rows = await reader.after(next, undefined, call);
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
    async *replay(from, to, call): AsyncGenerator<Rec> {
      const end = toPlace(to);
      let place = toPlace(from);
      for (;;) {
        const rows = end === undefined ? [] : await reader.after(place, end, call);
        for (const { record } of rows) yield record;
        place = rows.at(-1)?.place;
        if (place === undefined) return;
      }
    },
  };
}

interface PlacedRow<Rec> {
  readonly place: Place;
  readonly record: Rec;
}

class TableReader<Rec> {
  readonly #driver: PostgresDriver;
  readonly #what: string;
  readonly #select: string;
  readonly #name: string;
  readonly #key: string;
  readonly #transaction: string;
  readonly #batchRows: number;
  readonly #table: SourceTable;
  #keyType: string | undefined;

  constructor(options: PostgresSourceOptions) {
    this.#driver = driverOf(options);
    this.#name = quotedName(options.table);
    const { key, transaction } = options;
    this.#table = { name: this.#name, key, transaction };
    this.#what = `reading table ${this.#name}`;
    this.#key = `given.${quoteIdentifier(key)}`;
    this.#transaction = `given.${quoteIdentifier(transaction)}`;
    this.#batchRows = options.batchRows ?? 500;
    const columns = options.columns?.map((name) => `given.${quoteIdentifier(name)}`).join(', ');
    this.#select =
      `SELECT ${this.#transaction}::text AS tidegate_transaction, ` +
      `${this.#key}::text AS tidegate_key, ${columns ?? 'given.*'} FROM ${this.#name} AS given`;
  }

  /** @throws TidegateError `TIDEGATE_POSTGRES_SOURCE` for a place that this server cannot have given. */
  async check(place: Place | undefined, call: CallOptions): Promise<void> {
    await withSession(this.#driver, this.#what, call, async (session) => {
      await this.#prepare(session);
      if (place === undefined) return;
      const { rows } = await session.query(
        'SELECT $1::xid8 < pg_snapshot_xmax(pg_current_snapshot()) AS is_past',
        [place.transaction],
      );
      if (rows[0]?.is_past === true) return;
      throw new TidegateError(
        'TIDEGATE_POSTGRES_SOURCE',
        `transaction ${place.transaction} of the offset lies ahead of this server, so ` +
          `${this.#name} is a copy or was taken back: bring the server back that the offset is of`,
      );
    });
  }

  async after(
    from: Place | undefined,
    to: Place | undefined,
    call: CallOptions,
  ): Promise<readonly PlacedRow<Rec>[]> {
    return withSession(this.#driver, this.#what, call, async (session) => {
      const keyType = await this.#prepare(session);
      const { conditions, values } = this.#range(keyType, from, to);
      conditions.push(`${this.#transaction} < pg_snapshot_xmin(pg_current_snapshot())`);
      const { rows } = await session.query(
        `${this.#select} WHERE ${conditions.join(' AND ')}
          ORDER BY ${this.#transaction}, ${this.#key} LIMIT ${this.#batchRows}`,
        values,
      );
      return rows.map(placed<Rec>);
    });
  }

  /** Also rows that cannot be handed out yet, because an older transaction is still running. */
  async hasAny(from: Place | undefined, call: CallOptions): Promise<boolean> {
    return withSession(this.#driver, this.#what, call, async (session) => {
      const { conditions, values } = this.#range(await this.#prepare(session), from, undefined);
      const { rows } = await session.query(
        `SELECT EXISTS (SELECT FROM ${this.#name} AS given
          WHERE ${['true', ...conditions].join(' AND ')}) AS found`,
        values,
      );
      return rows[0]?.found === true;
    });
  }

  #range(
    keyType: string,
    from: Place | undefined,
    to: Place | undefined,
  ): { readonly conditions: string[]; readonly values: string[] } {
    const place = `(${this.#transaction}, ${this.#key})`;
    const conditions: string[] = [];
    const values: string[] = [];
    const add = (comparison: '>' | '<=', edge: Place | undefined): void => {
      if (edge === undefined) return;
      values.push(edge.transaction, edge.key);
      const bound = `($${values.length - 1}::xid8, $${values.length}::${keyType})`;
      conditions.push(`${place} ${comparison} ${bound}`);
    };
    add('>', from);
    add('<=', to);
    return { conditions, values };
  }

  /** The type of the key, once the table was found to be one that can be read in order. */
  async #prepare(session: PostgresSession): Promise<string> {
    if (this.#keyType !== undefined) return this.#keyType;
    this.#keyType = await describeSource(session, this.#table);
    return this.#keyType;
  }
}

function placed<Rec>(row: Readonly<Record<string, unknown>>): PlacedRow<Rec> {
  const { tidegate_transaction: transaction, tidegate_key: key, ...record } = row;
  return { place: { transaction: String(transaction), key: String(key) }, record: record as Rec };
}

function toOffsets(place: Place | undefined): Offsets {
  return place === undefined ? {} : { transaction: place.transaction, key: place.key };
}

function toPlace({ transaction, key }: Offsets): Place | undefined {
  if (transaction === undefined && key === undefined) return undefined;
  if (transaction !== undefined && key !== undefined && /^\d+$/.test(transaction)) {
    return { transaction, key };
  }
  throw new TidegateError('TIDEGATE_POSTGRES_SOURCE', 'the offsets are not of a PostgreSQL source');
}
