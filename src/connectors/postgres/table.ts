// The table behind a sink, as the catalogue of the database describes it, checked before the first row.

import { TidegateError } from '../../errors.js';
import { readColumns, type CatalogColumn } from './column-types.js';
import type { PostgresSession } from './driver.js';
import { quoteIdentifier } from './names.js';
import { findKey, readUniqueKeys, type UniqueKey } from './unique-keys.js';
import type { Column } from './values.js';

/** Options of a `postgresSink` that fills a table. */
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
  readonly columns: readonly TableColumn[];
  readonly key: readonly string[] | undefined;
  /** Whether a row can collide with a row of another transaction, and then has to wait for it. */
  readonly canCollide: boolean;
}

/** A column that is written. */
export interface TableColumn extends Column {
  /** Why a record without a value for it is refused; undefined where NULL is written. */
  readonly refusesNull: string | undefined;
  readonly collation: string | undefined;
}

/** @throws TidegateError naming what is missing and the statement that mends it. */
export async function describeTable(
  session: PostgresSession,
  options: TableOptions,
): Promise<Table> {
  const wanted = quotedName(options.table);
  const { oid, name, role, hasTrigger } = await findTable(session, wanted);
  const all = await readColumns(session, oid);
  const columns = chooseColumns(name, all, options);
  const names = columns.map((column) => column.name);
  await checkRights(session, oid, {
    name,
    role,
    columns: names,
    isUpsert: options.key !== undefined,
  });
  await checkMoney(session, name, columns);
  const uniqueKeys = await readUniqueKeys(session, oid);
  requireWritten(name, options.key, names);
  const key = options.key && findKey(name, options.key, uniqueKeys);
  if (key !== undefined && hasTrigger) refuseNullOfTrigger(name, key, columns);
  return {
    name,
    columns: columns.map((column) => ({
      ...column,
      refusesNull: whyNoNull(column, { name, hasTrigger, key }),
    })),
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
): Promise<{
  readonly oid: string;
  readonly name: string;
  readonly role: string;
  /** Whether a trigger of the table's own sees each row before it is checked. */
  readonly hasTrigger: boolean;
}> {
  const { rows } = await session.query(
    `SELECT c.oid::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, c.relkind::text AS kind,
       c.relpersistence::text AS persistence, current_user::text AS role,
       current_database()::text AS database, EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid
         AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 7 = 7) AS has_trigger
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
  return {
    oid: String(row.oid),
    name: String(row.name),
    role: String(row.role),
    hasTrigger: row.has_trigger === true,
  };
}

function chooseColumns(
  table: string,
  all: readonly CatalogColumn[],
  { columns: wanted, key }: TableOptions,
): readonly CatalogColumn[] {
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

function requireWritten(
  table: string,
  key: readonly string[] | undefined,
  columns: readonly string[],
): void {
  if (key === undefined) return;
  const absent = key.find((name) => !columns.includes(name));
  if (key.length > 0 && absent === undefined) return;
  throw wrongColumn(
    `the key of table ${table} names ${absent ?? 'no column'}, which is not written`,
  );
}

/** Known before a record is durable anywhere: a row that is refused at its commit blocks the sink. */
function whyNoNull(
  { name: column, isNotNull }: CatalogColumn,
  table: {
    readonly name: string;
    readonly hasTrigger: boolean;
    readonly key: UniqueKey | undefined;
  },
): string | undefined {
  const { key } = table;
  if (key?.columns.includes(column) === true && !key.areNullsEqual) {
    return (
      `has no ${column}, which is part of the key of ${table.name}: NULL equals no other NULL, so ` +
      'the row would be doubled when it is written again'
    );
  }
  // A trigger may fill in what is missing.
  if (!isNotNull || table.hasTrigger) return undefined;
  return `has no ${column}, a column of ${table.name} that takes no NULL`;
}

/** What a trigger makes of a key is seen only when the row is there, and then it is doubled. */
function refuseNullOfTrigger(
  table: string,
  key: UniqueKey,
  columns: readonly CatalogColumn[],
): void {
  const nullable = columns.find(({ name, isNotNull }) => key.columns.includes(name) && !isNotNull);
  if (nullable === undefined || key.areNullsEqual) return;
  const column = quoteIdentifier(nullable.name);
  throw new TidegateError(
    'TIDEGATE_POSTGRES_TABLE',
    `a trigger of table ${table} could make ${nullable.name} NULL, a part of the key that may be NULL: ` +
      `run ALTER TABLE ${table} ALTER COLUMN ${column} SET NOT NULL`,
  );
}

/** An amount without its currency is read by the rules of a place: 1234.56 is 123456 in some. */
async function checkMoney(
  session: PostgresSession,
  table: string,
  columns: readonly CatalogColumn[],
): Promise<void> {
  const isMoney = ({ value }: CatalogColumn): boolean => (value.element ?? value).name === 'money';
  const column = columns.find(isMoney);
  if (column === undefined) return;
  const { rows } = await session.query(
    `SELECT '1234.56'::text::money::numeric = 1234.56 AS is_plain,
       current_setting('lc_monetary') AS locale`,
  );
  if (rows[0]?.is_plain === true) return;
  throw wrongColumn(
    `column ${column.name} of table ${table} is of type money, and lc_monetary ` +
      `${String(rows[0]?.locale)} reads 1234.56 as another amount: run ALTER ROLE … SET lc_monetary ` +
      `= 'C', or ALTER TABLE ${table} ALTER COLUMN ${quoteIdentifier(column.name)} TYPE numeric`,
  );
}

function wrongColumn(what: string): TidegateError {
  return new TidegateError('TIDEGATE_POSTGRES_COLUMN', what);
}
