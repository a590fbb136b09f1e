// The table behind a source, checked before the first row: that (transaction, key) puts its rows in one order.

import { TidegateError } from '../../errors.js';
import { readColumns, type CatalogColumn } from './column-types.js';
import type { PostgresSession } from './driver.js';
import { quoteIdentifier } from './names.js';

export interface SourceTable {
  /** Quoted, with its schema where one was given. */
  readonly name: string;
  /** Names of columns, as they are. */
  readonly key: string;
  readonly transaction: string;
  /** Columns of a record. Default all. */
  readonly columns?: readonly string[] | undefined;
}

/** How the table's rows are read. */
export interface DescribedTable {
  readonly oid: string;
  /** The type that a key's text is read as. */
  readonly keyType: string;
  readonly columns: readonly CatalogColumn[];
  /** What `shapeStatement` answers for as long as the columns are these. */
  readonly shape: string;
}

/** Another answer where a column was added, dropped, renamed or given another type. */
export function shapeStatement(oid: string): string {
  return `SELECT string_agg(concat(attname, ' ', atttypid, ' ', atttypmod), ',' ORDER BY attnum) AS shape
    FROM pg_attribute WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped`;
}

/**
 * @throws TidegateError `TIDEGATE_POSTGRES_SOURCE` naming the statement that mends the table. Of rows
 * with equal places all but those of one batch would be passed over, and a NULL is behind no place.
 */
export async function describeSource(
  session: PostgresSession,
  table: SourceTable,
): Promise<DescribedTable> {
  const { name, key, transaction } = table;
  await requireTransactionType(session, table);
  const { rows } = await session.query(factsStatement, [name, transaction, key]);
  const { oid, kind, nullable, is_unique: isUnique, key_type: keyType } = rows[0] ?? {};
  if (kind !== 'r' && kind !== 'p') {
    throw unordered(`${name} is no ordinary or partitioned table: read the table behind it`);
  }
  if (typeof nullable === 'string') {
    throw unordered(
      `${nullable} of ${name} may be NULL, and such a row is never read: run ` +
        `ALTER TABLE ${name} ALTER COLUMN ${nullable} SET NOT NULL`,
    );
  }
  if (isUnique === true) return describe(session, table, String(oid), String(keyType));
  const columns = [transaction, key].map(quoteIdentifier).join(', ');
  throw unordered(
    `no index says that (${columns}) is unique in all of ${name}, and rows with equal keys could be ` +
      `passed over: run CREATE UNIQUE INDEX ON ${name} (${columns})`,
  );
}

async function describe(
  session: PostgresSession,
  { name, columns: wanted }: SourceTable,
  oid: string,
  keyType: string,
): Promise<DescribedTable> {
  const before = await shapeOf(session, oid);
  const all = await readColumns(session, oid);
  const columns = wanted?.map((column) => {
    const found = all.find((one) => one.name === column);
    if (found !== undefined) return found;
    const known = all.map((one) => one.name).join(', ');
    throw new TidegateError(
      'TIDEGATE_POSTGRES_COLUMN',
      `table ${name} has no column ${column}; it has ${known}`,
    );
  });
  return { oid, keyType, columns: columns ?? all, shape: before };
}

async function shapeOf(session: PostgresSession, oid: string): Promise<string> {
  const { rows } = await session.query(shapeStatement(oid));
  return String(rows[0]?.shape);
}

async function requireTransactionType(
  session: PostgresSession,
  { name, key, transaction }: SourceTable,
): Promise<void> {
  const column = `given.${quoteIdentifier(transaction)}`;
  // The server itself says which table or column is not there.
  const { rows } = await session.query(
    `SELECT pg_typeof(${column})::text AS found, pg_typeof(given.${quoteIdentifier(key)})
     FROM (SELECT) AS one LEFT JOIN ${name} AS given ON false`,
  );
  const found = String(rows[0]?.found);
  if (found === 'xid8') return;
  throw unordered(
    `column ${column} of ${name} is of type ${found}, not xid8: run ALTER TABLE ${name} ADD COLUMN ` +
      'written_by xid8 NOT NULL DEFAULT pg_current_xact_id()',
  );
}

/**
 * A type without its length: a key that was cut to `character(1)` would be before itself. An index of a
 * table with children says nothing of their rows, and one with a collation of its own nothing of keys
 * that the column's collation, by which they are read, takes for equal.
 */
const factsStatement = `SELECT c.oid::text, c.relkind::text AS kind,
  (SELECT format_type(a.atttypid, -1) FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname::text = $3) AS key_type,
  (SELECT min(quote_ident(a.attname)) FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname::text IN ($2, $3) AND NOT a.attnotnull) AS nullable,
  (c.relkind = 'p' OR NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid)) AND EXISTS (
    SELECT FROM pg_index i
     WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
       AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT EXISTS (
         SELECT FROM unnest(i.indkey[0:i.indnkeyatts - 1])
             WITH ORDINALITY AS numbers(number, position)
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = number
           LEFT JOIN pg_collation o ON o.oid = a.attcollation AND NOT o.collisdeterministic
          WHERE a.attname::text NOT IN ($2, $3)
             OR (o.oid IS NOT NULL AND i.indcollation[position - 1] <> o.oid))) AS is_unique
  FROM pg_class c WHERE c.oid = to_regclass($1)`;

function unordered(what: string): TidegateError {
  return new TidegateError('TIDEGATE_POSTGRES_SOURCE', what);
}
