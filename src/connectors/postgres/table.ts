// The table behind a sink, as the catalogue of the database describes it, checked before the first row.

import { TidegateError } from '../../errors.js';
import type { PostgresSession } from './driver.js';
import { quoteIdentifier } from './names.js';
import type { Column, ColumnKind } from './values.js';

export interface TableOptions {
  /** `table` or `schema.table`; names with a dot in them as `{ schema, name }`. */
  readonly table: string | { readonly schema?: string; readonly name: string };
  /** Columns to write. Default: all that have no default and are not generated. */
  readonly columns?: readonly string[] | undefined;
  /** Columns of a unique index: a record replaces the row with the same key. */
  readonly key?: readonly string[] | undefined;
}

export interface Table {
  /** Quoted, with its schema. */
  readonly name: string;
  readonly columns: readonly Column[];
  readonly key: readonly string[] | undefined;
  /** Whether a row can collide with a row of another transaction, and then has to wait for it. */
  readonly canCollide: boolean;
}

/** @throws TidegateError naming what is missing and the statement that mends it. */
export async function describeTable(
  session: PostgresSession,
  options: TableOptions,
): Promise<Table> {
  const wanted = quotedName(options.table);
  const { oid, name, role } = await findTable(session, wanted);
  const all = await readColumns(session, oid);
  const columns = chooseColumns(name, all, options);
  const names = columns.map((column) => column.name);
  await checkRights(session, oid, {
    name,
    role,
    columns: names,
    isUpsert: options.key !== undefined,
  });
  const uniqueKeys = await readUniqueKeys(session, oid);
  checkKey(name, options.key, names, uniqueKeys);
  return {
    name,
    columns,
    key: options.key,
    canCollide: uniqueKeys.some(({ columns: key }) => key.some((name) => names.includes(name))),
  };
}

export function quotedName(table: TableOptions['table']): string {
  if (typeof table === 'string') return table.split('.').map(quoteIdentifier).join('.');
  const schema = table.schema === undefined ? '' : `${quoteIdentifier(table.schema)}.`;
  return `${schema}${quoteIdentifier(table.name)}`;
}

async function findTable(
  session: PostgresSession,
  wanted: string,
): Promise<{ readonly oid: string; readonly name: string; readonly role: string }> {
  const { rows } = await session.query(
    `SELECT c.oid::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, c.relkind::text AS kind,
       c.relpersistence::text AS persistence, current_user::text AS role,
       current_database()::text AS database
     FROM (SELECT to_regclass($1) AS oid) wanted
     LEFT JOIN pg_class c ON c.oid = wanted.oid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace`,
    [wanted],
  );
  const row = rows[0] ?? {};
  const refuse = (what: string): never => {
    throw new TidegateError('TIDEGATE_POSTGRES_TABLE', `table ${wanted} ${what}`);
  };
  if (row.oid === null) refuse(`does not exist in database ${String(row.database)}: create it`);
  if (!['r', 'p'].includes(String(row.kind))) refuse('is no ordinary or partitioned table');
  if (row.persistence === 't') refuse('is temporary: a prepared transaction cannot use it');
  if (row.persistence === 'u') {
    refuse('is unlogged, so a crash of the server empties it: run ALTER TABLE … SET LOGGED');
  }
  return { oid: String(row.oid), name: String(row.name), role: String(row.role) };
}

interface FoundColumn extends Column {
  readonly isGenerated: boolean;
  readonly hasDefault: boolean;
}

async function readColumns(session: PostgresSession, oid: string): Promise<readonly FoundColumn[]> {
  const { rows } = await session.query(
    `SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
       t.typcategory::text AS category, coalesce(base.typname, t.typname)::text AS type_name,
       a.attgenerated <> '' OR a.attidentity = 'a' AS is_generated,
       a.atthasdef OR a.attidentity <> '' AS has_default
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_type base ON base.oid = nullif(t.typbasetype, 0)
     WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [oid],
  );
  return rows.map((row) => ({
    name: String(row.name),
    type: String(row.type),
    kind: kindOf(String(row.category), String(row.type_name)),
    isGenerated: row.is_generated === true,
    hasDefault: row.has_default === true,
  }));
}

function kindOf(category: string, typeName: string): ColumnKind {
  if (category === 'A') return 'array';
  return typeName === 'json' || typeName === 'jsonb' ? 'json' : 'scalar';
}

function chooseColumns(
  table: string,
  all: readonly FoundColumn[],
  { columns: wanted, key }: TableOptions,
): readonly Column[] {
  if (wanted === undefined) {
    return all.filter(
      (column) =>
        !column.isGenerated && (!column.hasDefault || key?.includes(column.name) === true),
    );
  }
  if (wanted.length === 0) throw wrongColumn(`columns of table ${table} is empty`);
  return wanted.map((name) => {
    const found = all.find((column) => column.name === name);
    if (found === undefined) {
      const known = all.map((column) => column.name).join(', ');
      throw wrongColumn(`table ${table} has no column ${name}; it has ${known}`);
    }
    if (found.isGenerated) throw wrongColumn(`column ${name} of table ${table} is generated`);
    return found;
  });
}

async function checkRights(
  session: PostgresSession,
  oid: string,
  table: { name: string; role: string; columns: readonly string[]; isUpsert: boolean },
): Promise<void> {
  const needed = table.isUpsert ? ['INSERT', 'UPDATE', 'SELECT'] : ['INSERT'];
  const { rows } = await session.query(
    `SELECT right_name AS missing FROM unnest($2::text[]) AS right_name
      WHERE NOT has_table_privilege($1::oid, right_name) AND EXISTS (
        SELECT FROM unnest($3::text[]) AS name WHERE NOT has_column_privilege($1::oid, name, right_name))`,
    [oid, needed, table.columns],
  );
  if (rows.length === 0) return;
  const missing = rows.map((row) => String(row.missing)).join(', ');
  const role = quoteIdentifier(table.role);
  throw new TidegateError(
    'TIDEGATE_POSTGRES_RIGHTS',
    `role ${role} may not write table ${table.name}: run GRANT ${missing} ON ${table.name} TO ${role}`,
  );
}

interface UniqueKey {
  readonly columns: readonly string[];
  /** Quoted. */
  readonly index: string;
  /** With one of these on its columns, `ON CONFLICT` fails whatever other index there is. */
  readonly isDeferrable: boolean;
  /** An index whose making failed is passed over. */
  readonly isValid: boolean;
}

async function readUniqueKeys(
  session: PostgresSession,
  oid: string,
): Promise<readonly UniqueKey[]> {
  const { rows } = await session.query(
    `SELECT array_to_json(array_agg(a.attname::text))::text AS key,
       quote_ident(c.relname) AS index, NOT i.indimmediate AS is_deferrable,
       i.indisvalid AS is_valid
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) AS number
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = number
     WHERE i.indrelid = $1::oid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
     GROUP BY i.indexrelid, i.indimmediate, i.indisvalid, c.relname`,
    [oid],
  );
  return rows.map((row) => ({
    columns: JSON.parse(String(row.key)) as readonly string[],
    index: String(row.index),
    isDeferrable: row.is_deferrable === true,
    isValid: row.is_valid === true,
  }));
}

function checkKey(
  table: string,
  key: readonly string[] | undefined,
  columns: readonly string[],
  uniqueKeys: readonly UniqueKey[],
): void {
  if (key === undefined) return;
  const absent = key.find((name) => !columns.includes(name));
  if (key.length === 0 || absent !== undefined) {
    throw wrongColumn(
      `the key of table ${table} names ${absent ?? 'no column'}, which is not written`,
    );
  }
  const problem = keyProblem(table, key, uniqueKeys);
  if (problem !== undefined) throw new TidegateError('TIDEGATE_POSTGRES_TABLE', problem);
}

function keyProblem(
  table: string,
  key: readonly string[],
  uniqueKeys: readonly UniqueKey[],
): string | undefined {
  const exact = uniqueKeys.filter(
    ({ columns }) => columns.length === key.length && columns.every((name) => key.includes(name)),
  );
  const quoted = key.map(quoteIdentifier).join(', ');
  const create = `CREATE UNIQUE INDEX ON ${table} (${quoted})`;
  const deferrable = exact.find(({ isDeferrable }) => isDeferrable);
  if (deferrable !== undefined) {
    return (
      `the unique constraint ${deferrable.index} of table ${table} is deferrable, and rows cannot be ` +
      `replaced by it: run ALTER TABLE ${table} DROP CONSTRAINT ${deferrable.index}; ${create}`
    );
  }
  if (exact.some(({ isValid }) => isValid)) return undefined;
  const [invalid] = exact;
  if (invalid === undefined) {
    return `table ${table} has no unique index on exactly (${quoted}): run ${create}`;
  }
  return `the unique index ${invalid.index} of table ${table} is not valid: run REINDEX INDEX on it`;
}

function wrongColumn(what: string): TidegateError {
  return new TidegateError('TIDEGATE_POSTGRES_COLUMN', what);
}
