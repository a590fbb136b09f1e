// Rows of a source's table behind a place, as texts that mean the same in every session.

import { goesOnAt } from '../../contracts/lost-input.js';
import type { CallOptions, RestoreOptions } from '../../contracts/source.js';
import type { PostgresDriver, PostgresSession, QueryAnswer } from './driver.js';
import { quoteIdentifier, quoteLiteral } from './names.js';
import {
  consentTo,
  lostPlace,
  originProblem,
  readOrigin,
  saysTheSame,
  type Origin,
  type Place,
} from './place.js';
import { digestOfRow, lifeStatement, placed, tupleOf, type PlacedRow } from './placed-rows.js';
import { textOf } from './read-values.js';
import { inOneTransaction, unlessAltered } from './reading-transaction.js';
import { withSession } from './session-use.js';
import {
  describeSource,
  shapeStatement,
  type DescribedTable,
  type SourceTable,
} from './source-table.js';

export interface ReaderOptions {
  readonly table: SourceTable;
  readonly batchRows: number;
  /** A position that is read on from, whatever it is of: `consentTo` it. */
  readonly acceptPosition: string | undefined;
}

/** One life of the server on which the table was identified. */
interface Identified {
  readonly life: string;
  readonly origin: Origin;
}

interface IdentifiedTable {
  readonly described: DescribedTable;
  readonly origin: Origin;
}

export class TableReader<Rec> {
  readonly #driver: PostgresDriver;
  readonly #what: string;
  readonly #options: ReaderOptions;
  readonly #key: string;
  readonly #transaction: string;
  #described: DescribedTable | undefined;
  #identified: Identified | undefined;

  constructor(driver: PostgresDriver, options: ReaderOptions) {
    this.#driver = driver;
    this.#options = options;
    const { name, key, transaction } = options.table;
    this.#what = `reading table ${name}`;
    this.#key = `given.${quoteIdentifier(key)}`;
    this.#transaction = `given.${quoteIdentifier(transaction)}`;
  }

  /**
   * @returns The place to go on from: the same, or of this server where a person has accepted it.
   * @throws TidegateError `TIDEGATE_POSTGRES_SOURCE` for a place that this table cannot have given.
   */
  async check(place: Place | undefined, call: RestoreOptions): Promise<Place | undefined> {
    return withSession(this.#driver, this.#what, call, async (session) => {
      const described = await this.#describe(session);
      const found = await this.#identify(session, described);
      const { origin } = found;
      const table = { described, origin };
      const checked = place && (await this.#placeOrNext(session, table, place, call));
      this.#identified = found;
      return checked;
    });
  }

  async after(from: Place | undefined, call: CallOptions): Promise<readonly PlacedRow<Rec>[]> {
    return withSession(this.#driver, this.#what, call, async (session) => {
      for (;;) {
        const described = await this.#describe(session);
        const conditions = this.#range(described, from);
        conditions.push(`${this.#transaction} < pg_snapshot_xmin(pg_current_snapshot())`);
        const { rows, shape, life } = await this.#read(session, described, conditions);
        // The table was altered meanwhile: what its texts mean is read again.
        if (shape !== described.shape) this.#described = undefined;
        else if (life === this.#identified?.life) {
          return this.#placed(rows, described, this.#identified.origin);
        } else {
          // A server that was restarted, or another one behind the same address.
          const found = await this.#identify(session, described);
          const { origin } = found;
          if (from !== undefined) await this.#checkPlace(session, { described, origin }, from);
          this.#identified = found;
        }
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
  ): Promise<{
    readonly rows: QueryAnswer['rows'];
    readonly shape: unknown;
    readonly life: string;
  }> {
    const columns = described.columns.map((column, index) => `${textOf(column)} AS c${index}`);
    const answers = await unlessAltered(session, [
      `SELECT ${this.#transaction}::text AS transaction, concat(${this.#key}) AS key
         ${columns.map((column) => `, ${column}`).join('')}
       FROM ${this.#options.table.name} AS given WHERE ${conditions.join(' AND ')}
       ORDER BY ${this.#transaction}, ${this.#key} LIMIT ${this.#options.batchRows}`,
      shapeStatement(described.oid),
      lifeStatement(described.oid),
    ]);
    const [read, shape, life] = answers ?? [];
    return {
      rows: read?.rows ?? [],
      shape: shape?.rows[0]?.shape,
      life: String(life?.rows[0]?.life),
    };
  }

  async #identify(session: PostgresSession, { oid }: DescribedTable): Promise<Identified> {
    const [answer] = await session.commands([lifeStatement(oid)]);
    return { life: String(answer?.rows[0]?.life), origin: await readOrigin(session, oid) };
  }

  /** With consent, the same place in this table; or behind its last row, where that lies before it. */
  async #placeOrNext(
    session: PostgresSession,
    table: IdentifiedTable,
    place: Place,
    { acceptLoss = false }: RestoreOptions,
  ): Promise<Place | undefined> {
    try {
      return await this.#checkPlace(session, table, place);
    } catch (error) {
      if (!acceptLoss || goesOnAt(error) === undefined) throw error;
      if (!(await this.#isPast(session, place))) return this.#lastPlace(session, table);
      return { transaction: place.transaction, key: place.key, origin: table.origin };
    }
  }

  /** Behind every row that can be handed out now; undefined for a table without any. */
  async #lastPlace(
    session: PostgresSession,
    { described, origin }: IdentifiedTable,
  ): Promise<Place | undefined> {
    const [answer] = await inOneTransaction(session, [
      `SELECT ${this.#transaction}::text AS transaction, concat(${this.#key}) AS key
       FROM ${this.#options.table.name} AS given
       WHERE ${this.#transaction} < pg_snapshot_xmin(pg_current_snapshot())
       ORDER BY ${this.#transaction} DESC, ${this.#key} DESC LIMIT 1`,
    ]);
    const [row] = answer?.rows ?? [];
    return row && { ...placed(row, { ...described, columns: [] }).place, origin };
  }

  async #checkPlace(
    session: PostgresSession,
    { described, origin }: IdentifiedTable,
    place: Place,
  ): Promise<Place> {
    const isAccepted = this.#options.acceptPosition === consentTo(place);
    if (!isAccepted) this.#refuse(place, place.origin && originProblem(place.origin, origin));
    await this.#requirePast(session, place);
    if (isAccepted) return { transaction: place.transaction, key: place.key, origin };
    this.#refuse(place, await this.#witnessProblem(session, described, place));
    return place;
  }

  #refuse(place: Place, problem: string | undefined): void {
    if (problem === undefined) return;
    throw lostPlace(
      `${this.#options.table.name} is not what the position is of: ${problem}. Bring back what it was ` +
        'read from; or, when every row up to the position was read and every later row of this table ' +
        'has a higher transaction, give postgresSource acceptPosition: ' +
        JSON.stringify(consentTo(place)),
      `transaction ${place.transaction}, key ${place.key} of the table that is there now, whose rows ` +
        'up to there are not read',
    );
  }

  async #isPast(session: PostgresSession, { transaction }: Place): Promise<boolean> {
    const { rows } = await session.query(
      'SELECT $1::xid8 < pg_snapshot_xmin(pg_current_snapshot()) AS is_past',
      [transaction],
    );
    return rows[0]?.is_past === true;
  }

  async #requirePast(session: PostgresSession, place: Place): Promise<void> {
    if (await this.#isPast(session, place)) return;
    throw lostPlace(
      `transaction ${place.transaction} of the offset lies ahead of this server, or runs on it, so ` +
        `${this.#options.table.name} is a copy or was taken back: bring the server back that the ` +
        'offset is of, or read the table from its start under another name of the source',
      'the last row of the table that is there now, whose rows up to there are not read',
    );
  }

  /** A server that was restored has the same number: the last row that was read tells it. */
  async #witnessProblem(
    session: PostgresSession,
    described: DescribedTable,
    place: Place,
  ): Promise<string | undefined> {
    if (place.row === undefined) return undefined;
    const { keyType } = described;
    const condition =
      `${this.#transaction} = ${quoteLiteral(place.transaction)}::xid8 AND ` +
      `${this.#key} = ${quoteLiteral(place.key)}::${keyType}`;
    const { rows, shape } = await this.#read(session, described, [condition]);
    if (shape !== described.shape) {
      this.#described = undefined;
      return this.#witnessProblem(session, await this.#describe(session), place);
    }
    const [witness] = rows;
    if (witness === undefined) {
      if (!(await this.#hasUpTo(session, described, place))) return undefined;
      return (
        `the last row that was read (transaction ${place.transaction}) is not there though others up ` +
        'to it are, so the server was restored to a time before it, or that row alone was deleted'
      );
    }
    if (saysTheSame(place.row, digestOfRow(witness, described)) !== false) return undefined;
    return (
      `the last row that was read (transaction ${place.transaction}) says something else now, so the ` +
      'server was restored to a time before it, or the row was changed'
    );
  }

  /**
   * An outbox whose rows are deleted once they were read has none up to the place. Then nothing can
   * be skipped either: a restored server that wrote rows up to there would still hold them, and
   * no transaction up to the place is still running.
   */
  async #hasUpTo(
    session: PostgresSession,
    described: DescribedTable,
    place: Place,
  ): Promise<boolean> {
    const [answer] = await inOneTransaction(session, [
      `SELECT EXISTS (SELECT FROM ${this.#options.table.name} AS given
        WHERE ${this.#tuple} <= ${tupleOf(described, place)})::text AS found`,
    ]);
    return answer?.rows[0]?.found === 'true';
  }

  #placed(
    rows: QueryAnswer['rows'],
    described: DescribedTable,
    origin: Origin,
  ): readonly PlacedRow<Rec>[] {
    return rows.map((row, index) => {
      const { place, record } = placed<Rec>(row, described);
      // Only behind the last one is there a position.
      const isLast = index === rows.length - 1;
      const digest = isLast ? digestOfRow(row, described) : undefined;
      return { record, place: { ...place, origin, row: digest } };
    });
  }

  #range(described: DescribedTable, from: Place | undefined): string[] {
    return from === undefined ? [] : [`${this.#tuple} > ${tupleOf(described, from)}`];
  }

  get #tuple(): string {
    return `(${this.#transaction}, ${this.#key})`;
  }

  /** What the table is, once it was found to be one that can be read in order. */
  async #describe(session: PostgresSession): Promise<DescribedTable> {
    this.#described ??= await describeSource(session, this.#options.table);
    return this.#described;
  }
}
