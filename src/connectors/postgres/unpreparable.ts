// Statements in triggers and defaults that a prepared transaction cannot have: read before one runs.

import type { PostgresSession } from './driver.js';
import type { Table } from './table.js';

export interface Unpreparable {
  /** `trigger audit`, `the default`. */
  readonly what: string;
  /** The statement found: `NOTIFY`. */
  readonly word: string;
  /** How to do without it, as the end of a sentence. */
  readonly way: string;
}

/** Functions that call functions that call functions. */
const maxDepth = 5;

/**
 * The first trigger on the table or a partition of it, or default of a column, whose function, or one
 * that it calls, uses what `PREPARE TRANSACTION` refuses. It is read and not run: a statement that is
 * made of parts at run time is found only when it runs.
 */
export async function findUnpreparable(
  session: PostgresSession,
  table: Table,
): Promise<Unpreparable | undefined> {
  const isUpsert = table.key !== undefined;
  const { rows } = await session.query(rootsStatement, [table.name, isUpsert ? insertOrUpdate : 4]);
  const written = table.columns.map(({ name }) => name);
  for (const row of rows) {
    const column = typeof row.column === 'string' ? row.column : undefined;
    if (column !== undefined && written.includes(column)) continue;
    const word = await wordIn(session, String(row.source));
    if (word === undefined) continue;
    return column === undefined
      ? {
          what: `trigger ${String(row.name)}`,
          word,
          way: `run ALTER TABLE ${String(row.relation)} DISABLE TRIGGER ${String(row.name)}`,
        }
      : { what: `the default of column ${column}`, word, way: 'drop that default' };
  }
  return undefined;
}

/** Bits of `tgtype`. */
const insertOrUpdate = 4 + 16;

const definition = `CASE WHEN p.prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) ELSE '' END`;

const rootsStatement = `WITH relations AS (
    SELECT $1::regclass AS oid UNION SELECT relid FROM pg_partition_tree($1::regclass))
  SELECT quote_ident(t.tgname) AS name, t.tgrelid::regclass::text AS relation, NULL AS column,
      ${definition} AS source
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
   WHERE t.tgrelid IN (SELECT oid FROM relations) AND t.tgenabled IN ('O', 'A')
     AND t.tgtype & $2::int <> 0 AND p.pronamespace <> 'pg_catalog'::regnamespace
  UNION ALL
  SELECT NULL, NULL, a.attname::text, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
   WHERE d.adrelid = $1::regclass`;

async function wordIn(session: PostgresSession, source: string): Promise<string | undefined> {
  const seen = new Set<string>();
  let sources: readonly string[] = [source];
  for (let depth = 0; depth < maxDepth && sources.length > 0; depth += 1) {
    for (const text of sources) {
      const word = forbiddenIn(text);
      if (word !== undefined) return word;
    }
    const called = sources.flatMap(calledIn).filter((name) => !seen.has(name));
    for (const name of called) seen.add(name);
    if (called.length === 0) return undefined;
    const { rows } = await session.query(
      `SELECT ${definition} AS source FROM pg_proc p
        WHERE p.proname::text = ANY ($1::text[]) AND p.pronamespace NOT IN (
          'pg_catalog'::regnamespace, 'information_schema'::regnamespace)`,
      [called],
    );
    sources = rows.map((row) => String(row.source));
  }
  return undefined;
}

const forbidden: readonly (readonly [word: string, pattern: RegExp])[] = [
  ['NOTIFY', /\bpg_notify\s*\(|\bnotify\s+["%\w]|\btriggered_change_notification\b/i],
  ['LISTEN', /\b(un)?listen\s+["%*\w]/i],
  ['a temporary table', /\bcreate\s+(or\s+replace\s+)?(local\s+|global\s+)?temp(orary)?\b/i],
  ['a cursor WITH HOLD', /\bwith\s+hold\b/i],
];

function forbiddenIn(source: string): string | undefined {
  const text = withoutComments(source);
  // What a message says in quotes does nothing, unless texts are executed there.
  const code = /\bexecute\b/i.test(text) ? text : text.replace(/'(?:[^']|'')*'/g, "''");
  return forbidden.find(([, pattern]) => pattern.test(code))?.[0];
}

function withoutComments(source: string): string {
  return source.replace(/--[^\n]*/g, ' ').replace(/\/\*[\s\S]*?\*\//g, ' ');
}

function calledIn(source: string): readonly string[] {
  const names = withoutComments(source).matchAll(/([\p{L}_][\p{L}\p{N}_$]*)"?\s*\(/gu);
  return [...new Set(Array.from(names, ([, name = '']) => name.toLowerCase()))];
}
