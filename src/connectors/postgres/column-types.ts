// The types of a table's columns, looked through domains and arrays down to what their text means.

import type { PostgresSession } from './driver.js';

/** How values of a type are read and written: as text, as JSON, or element by element. */
export interface ValueType {
  readonly kind: 'scalar' | 'json' | 'array';
  /** Of the catalogue (`int8`, `timestamptz`); empty for a type that is not PostgreSQL's own. */
  readonly name: string;
  /** Whether any text is a value: `text`, `varchar` and their like. */
  readonly isText: boolean;
  /** Of an array. */
  readonly element?: ValueType;
  /** Between the elements of an array of this type. */
  readonly delimiter: string;
}

export interface CatalogColumn {
  readonly name: string;
  /** As `format_type` names it, for messages. */
  readonly type: string;
  readonly value: ValueType;
  /** Quoted, with its schema, where it is another than the type's own. */
  readonly collation: string | undefined;
  /** Of the column or of its domain. */
  readonly isNotNull: boolean;
  readonly isGenerated: boolean;
  readonly hasDefault: boolean;
}

interface ChainLink {
  readonly name: string;
  readonly isDomain: boolean;
  readonly isArray: boolean;
  readonly isText: boolean;
  readonly isNotNull: boolean;
  readonly delimiter: string;
}

/** int2vector and oidvector are arrays whose text has no braces. */
const isArray = `t.typcategory = 'A' AND t.typlen = -1 AND t.typelem <> 0 AND t.typtype <> 'd'
  AND t.typname NOT IN ('int2vector', 'oidvector')`;

const columnsStatement = `WITH RECURSIVE chain AS (
    SELECT a.attnum, 0 AS depth, a.atttypid AS type FROM pg_attribute a
     WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT c.attnum, c.depth + 1, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END
      FROM chain c JOIN pg_type t ON t.oid = c.type WHERE t.typtype = 'd' OR (${isArray}))
  SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull AS is_not_null, a.attgenerated <> '' OR a.attidentity = 'a' AS is_generated,
    a.atthasdef OR a.attidentity <> '' AS has_default,
    (SELECT quote_ident(n.nspname) || '.' || quote_ident(o.collname)
      FROM pg_type t, pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace
      WHERE t.oid = a.atttypid AND o.oid = a.attcollation AND o.oid <> t.typcollation) AS collation,
    (SELECT json_agg(json_build_object(
        'name', CASE n.nspname WHEN 'pg_catalog' THEN t.typname::text ELSE '' END,
        'isDomain', t.typtype = 'd', 'isArray', ${isArray}, 'isText', t.typcategory = 'S',
        'isNotNull', t.typnotnull, 'delimiter', t.typdelim::text) ORDER BY c.depth)::text
      FROM chain c JOIN pg_type t ON t.oid = c.type JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE c.attnum = a.attnum) AS chain
  FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attnum`;

/** In the order of the table. */
export async function readColumns(
  session: PostgresSession,
  oid: string,
): Promise<readonly CatalogColumn[]> {
  const { rows } = await session.query(columnsStatement, [oid]);
  return rows.map((row) => {
    const chain = JSON.parse(String(row.chain)) as readonly ChainLink[];
    return {
      name: String(row.name),
      type: String(row.type),
      value: typeOf(chain),
      collation: typeof row.collation === 'string' ? row.collation : undefined,
      isNotNull: row.is_not_null === true || isDomainNotNull(chain),
      isGenerated: row.is_generated === true,
      hasDefault: row.has_default === true,
    };
  });
}

function isDomainNotNull(chain: readonly ChainLink[]): boolean {
  for (const { isDomain, isNotNull } of chain) {
    if (!isDomain) return false;
    if (isNotNull) return true;
  }
  return false;
}

function typeOf(chain: readonly ChainLink[]): ValueType {
  const index = chain.findIndex(({ isDomain }) => !isDomain);
  const base = chain[index];
  if (base === undefined) return { kind: 'scalar', name: '', isText: false, delimiter: ',' };
  const { name, isText, delimiter } = base;
  if (base.isArray) {
    const found = typeOf(chain.slice(index + 1));
    // Arrays of a domain over an array: each element is a text of its own.
    const element: ValueType =
      found.kind === 'array' ? { kind: 'scalar', name: '', isText: false, delimiter } : found;
    return { kind: 'array', name, isText, delimiter: element.delimiter, element };
  }
  const isJson = name === 'json' || name === 'jsonb';
  return { kind: isJson ? 'json' : 'scalar', name, isText, delimiter };
}
