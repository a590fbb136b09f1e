// Rows of a source's table behind a place, as texts that mean the same in every session.

import { TidegateError } from '../../errors.js';
import type { CallOptions } from '../../contracts/source.js';
import type { PostgresDriver, PostgresSession, QueryAnswer } from './driver.js';
import { quoteIdentifier, quoteLiteral } from './names.js';
import { readingSettings, textOf, valueOf } from './read-values.js';
import { withSession } from './session-use.js';
import { sqlStateOf } from './trouble.js';
import {
  describeSource,
  shapeStatement,
  type DescribedTable,
  type SourceTable,
} from './source-table.js';

/** Of the last row that was handed out. Both are texts of the server, exact for every type of key. */
export interface Place {
  readonly transaction: string;
  readonly key: string;
}

export interface PlacedRow<Rec> {
  readonly place: Place;
  readonly record: Rec;
}

export interface ReaderOptions {
  readonly table: SourceTable;
  readonly batchRows: number;
}

export class TableReader<Rec> {
  readonly #driver: PostgresDriver;
  readonly #what: string;
  readonly #options: ReaderOptions;
  readonly #key: string;
  readonly #transaction: string;
  #described: DescribedTable | undefined;

  constructor(driver: PostgresDriver, options: ReaderOptions) {
    this.#driver = driver;
    this.#options = options;
    const { name, key, transaction } = options.table;
    this.#what = `reading table ${name}`;
    this.#key = `given.${quoteIdentifier(key)}`;
    this.#transaction = `given.${quoteIdentifier(transaction)}`;
  }

  /** @throws TidegateError `TIDEGATE_POSTGRES_SOURCE` for a place that this server cannot have given. */
  async check(place: Place | undefined, call: CallOptions): Promise<void> {
    await withSession(this.#driver, this.#what, call, async (session) => {
      await this.#describe(session);
      if (place === undefined) return;
      const { rows } = await session.query(
        'SELECT $1::xid8 < pg_snapshot_xmax(pg_current_snapshot()) AS is_past',
        [place.transaction],
      );
      if (rows[0]?.is_past === true) return;
      throw new TidegateError(
        'TIDEGATE_POSTGRES_SOURCE',
        `transaction ${place.transaction} of the offset lies ahead of this server, so ` +
          `${this.#options.table.name} is a copy or was taken back: bring the server back that the ` +
          'offset is of',
      );
    });
  }

  async after(from: Place | undefined, call: CallOptions): Promise<readonly PlacedRow<Rec>[]> {
    return withSession(this.#driver, this.#what, call, async (session) => {
      for (;;) {
        const described = await this.#describe(session);
        const conditions = this.#range(described, from);
        conditions.push(`${this.#transaction} < pg_snapshot_xmin(pg_current_snapshot())`);
        const { rows, shape } = await this.#read(session, described, conditions);
        if (shape === described.shape) return rows.map((row) => placed<Rec>(row, described));
        // The table was altered meanwhile: what its texts mean is read again.
        this.#described = undefined;
      }
    });
  }

  /** Also rows that cannot be handed out yet, because an older transaction is still running. */
  async hasAny(from: Place | undefined, call: CallOptions): Promise<boolean> {
    return withSession(this.#driver, this.#what, call, async (session) => {
      const conditions = this.#range(await this.#describe(session), from);
      const [answer] = await inOneTransaction(session, [
        `SELECT EXISTS (SELECT FROM ${this.#options.table.name} AS given
          WHERE ${['true', ...conditions].join(' AND ')})::text AS found`,
      ]);
      return answer?.rows[0]?.found === 'true';
    });
  }

  /** The shape is read behind the rows: their lock keeps the table from being altered in between. */
  async #read(
    session: PostgresSession,
    described: DescribedTable,
    conditions: readonly string[],
  ): Promise<{ readonly rows: QueryAnswer['rows']; readonly shape: unknown }> {
    const columns = described.columns.map((column, index) => `${textOf(column)} AS c${index}`);
    const answers = await unlessAltered(session, [
      `SELECT ${this.#transaction}::text AS transaction, concat(${this.#key}) AS key
         ${columns.map((column) => `, ${column}`).join('')}
       FROM ${this.#options.table.name} AS given WHERE ${conditions.join(' AND ')}
       ORDER BY ${this.#transaction}, ${this.#key} LIMIT ${this.#options.batchRows}`,
      shapeStatement(described.oid),
    ]);
    const [read, shape] = answers ?? [];
    return { rows: read?.rows ?? [], shape: shape?.rows[0]?.shape };
  }

  #range({ keyType }: DescribedTable, from: Place | undefined): string[] {
    if (from === undefined) return [];
    const place = `(${quoteLiteral(from.transaction)}::xid8, ${quoteLiteral(from.key)}::${keyType})`;
    return [`(${this.#transaction}, ${this.#key}) > ${place}`];
  }

  /** What the table is, once it was found to be one that can be read in order. */
  async #describe(session: PostgresSession): Promise<DescribedTable> {
    this.#described ??= await describeSource(session, this.#options.table);
    return this.#described;
  }
}

/** Undefined where a column that was there is gone: dropped, or renamed. */
async function unlessAltered(
  session: PostgresSession,
  statements: readonly string[],
): Promise<readonly QueryAnswer[] | undefined> {
  try {
    return await inOneTransaction(session, statements);
  } catch (error) {
    if (sqlStateOf(error) !== '42703') throw error;
    await session.command('ROLLBACK');
    return undefined;
  }
}

/** In one message. @returns The answers of the statements. */
async function inOneTransaction(
  session: PostgresSession,
  statements: readonly string[],
): Promise<readonly QueryAnswer[]> {
  const first = ['BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY', ...readingSettings];
  const answers = await session.commands([...first, ...statements, 'COMMIT']);
  return answers.slice(first.length, first.length + statements.length);
}

function placed<Rec>(
  row: Readonly<Record<string, unknown>>,
  { columns }: DescribedTable,
): PlacedRow<Rec> {
  const place = { transaction: String(row.transaction), key: String(row.key) };
  const record = Object.fromEntries(
    columns.map((column, index) => [column.name, valueOf(row[`c${index}`], column)]),
  );
  return { place, record: record as Rec };
}
