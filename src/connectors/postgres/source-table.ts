// The table behind a source, checked before the first row: that (transaction, key) puts its rows in one order.

import { TidegateError } from '../../errors.js';
import type { PostgresSession } from './driver.js';
import { quoteIdentifier } from './names.js';

export interface SourceTable {
  /** Quoted, with its schema where one was given. */
  readonly name: string;
  /** Names of columns, as they are. */
  readonly key: string;
  readonly transaction: string;
}

/**
 * The type that a key's text is read as.
 *
 * @throws TidegateError `TIDEGATE_POSTGRES_SOURCE` naming the statement that mends the table. Of rows
 * with equal places all but those of one batch would be passed over, and a NULL is behind no place.
 */
export async function describeSource(
  session: PostgresSession,
  table: SourceTable,
): Promise<string> {
  const { name, key, transaction } = table;
  await requireTransactionType(session, table);
  const { rows } = await session.query(factsStatement, [name, transaction, key]);
  const { kind, nullable, is_unique: isUnique, key_type: keyType } = rows[0] ?? {};
  if (kind !== 'r' && kind !== 'p') {
    throw unordered(`${name} is no ordinary or partitioned table: read the table behind it`);
  }
  if (typeof nullable === 'string') {
    throw unordered(
      `${nullable} of ${name} may be NULL, and such a row is never read: run ` +
        `ALTER TABLE ${name} ALTER COLUMN ${nullable} SET NOT NULL`,
    );
  }
  if (isUnique === true) return String(keyType);
  const columns = [transaction, key].map(quoteIdentifier).join(', ');
  throw unordered(
    `no index says that (${columns}) is unique in all of ${name}, and rows with equal keys could be ` +
      `passed over: run CREATE UNIQUE INDEX ON ${name} (${columns})`,
  );
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
 * table with children says nothing of their rows.
 */
const factsStatement = `SELECT c.relkind::text AS kind,
  (SELECT format_type(a.atttypid, -1) FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname::text = $3) AS key_type,
  (SELECT min(quote_ident(a.attname)) FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname::text IN ($2, $3) AND NOT a.attnotnull) AS nullable,
  (c.relkind = 'p' OR NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid)) AND EXISTS (
    SELECT FROM pg_index i
     WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
       AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT EXISTS (
         SELECT FROM unnest(i.indkey[0:i.indnkeyatts - 1]) AS number
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = number
          WHERE a.attname::text NOT IN ($2, $3))) AS is_unique
  FROM pg_class c WHERE c.oid = to_regclass($1)`;

function unordered(what: string): TidegateError {
  return new TidegateError('TIDEGATE_POSTGRES_SOURCE', what);
}
