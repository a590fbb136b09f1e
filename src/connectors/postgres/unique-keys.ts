// The unique indexes of a table, and which of them rows can be replaced by.

import { TidegateError } from '../../errors.js';
import type { PostgresSession } from './driver.js';
import { quoteIdentifier } from './names.js';

export interface UniqueKey {
  readonly columns: readonly string[];
  /** Quoted. */
  readonly index: string;
  /** With one of these on its columns, `ON CONFLICT` fails whatever other index there is. */
  readonly isDeferrable: boolean;
  /** An index whose making failed is passed over. */
  readonly isValid: boolean;
  /** NULLS NOT DISTINCT: a row whose key is NULL is found again. */
  readonly areNullsEqual: boolean;
  /** Whether texts that the column tells apart are one key to the index. */
  readonly hasOtherCollation: boolean;
}

export async function readUniqueKeys(
  session: PostgresSession,
  oid: string,
): Promise<readonly UniqueKey[]> {
  // The column of NULLS NOT DISTINCT is there from PostgreSQL 15 on.
  const { rows } = await session.query(
    `SELECT array_to_json(array_agg(a.attname::text))::text AS key,
       quote_ident(c.relname) AS index, NOT i.indimmediate AS is_deferrable,
       i.indisvalid AS is_valid,
       bool_or(coalesce((to_jsonb(i)->>'indnullsnotdistinct')::boolean, false)) AS are_nulls_equal,
       bool_or(i.indcollation[numbers.position - 1] <> a.attcollation) AS has_other_collation
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1])
         WITH ORDINALITY AS numbers(number, position)
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = number
     WHERE i.indrelid = $1::oid AND i.indisunique AND NOT i.indisexclusion
       AND i.indpred IS NULL AND i.indexprs IS NULL
     GROUP BY i.indexrelid, i.indimmediate, i.indisvalid, c.relname`,
    [oid],
  );
  return rows.map((row) => ({
    columns: JSON.parse(String(row.key)) as readonly string[],
    index: String(row.index),
    isDeferrable: row.is_deferrable === true,
    isValid: row.is_valid === true,
    areNullsEqual: row.are_nulls_equal === true,
    hasOtherCollation: row.has_other_collation === true,
  }));
}

/** @throws TidegateError `TIDEGATE_POSTGRES_TABLE` with the statement that makes such an index. */
export function findKey(
  table: string,
  key: readonly string[],
  uniqueKeys: readonly UniqueKey[],
): UniqueKey {
  const exact = uniqueKeys.filter(
    ({ columns }) => columns.length === key.length && columns.every((name) => key.includes(name)),
  );
  const quoted = key.map(quoteIdentifier).join(', ');
  const create = `CREATE UNIQUE INDEX ON ${table} (${quoted})`;
  const deferrable = exact.find(({ isDeferrable }) => isDeferrable);
  if (deferrable !== undefined) {
    throw unusable(
      `the unique constraint ${deferrable.index} of table ${table} is deferrable, and rows cannot be ` +
        `replaced by it: run ALTER TABLE ${table} DROP CONSTRAINT ${deferrable.index}; ${create}`,
    );
  }
  const valid = exact.filter(({ isValid }) => isValid);
  const usable = valid.filter(({ hasOtherCollation }) => !hasOtherCollation);
  const found = usable.find(({ areNullsEqual }) => areNullsEqual) ?? usable[0];
  if (found !== undefined) return found;
  const [other] = valid;
  if (other !== undefined) {
    throw unusable(
      `the unique index ${other.index} of table ${table} has another collation than its column, so ` +
        `keys that differ may be one row: run ${create}`,
    );
  }
  const [invalid] = exact;
  throw unusable(
    invalid === undefined
      ? `table ${table} has no unique index on exactly (${quoted}): run ${create}`
      : `the unique index ${invalid.index} of table ${table} is not valid: run REINDEX INDEX on it`,
  );
}

function unusable(problem: string): TidegateError {
  return new TidegateError('TIDEGATE_POSTGRES_TABLE', problem);
}
