// Rows as one JSON parameter: every column's type reads its own text, as it does behind COPY.

import { isTidegateError, TidegateError } from '../../errors.js';
import type { CallOptions } from '../../contracts/source.js';
import type { RecordForm } from '../../contracts/sink.js';
import type { PostgresDriver } from './driver.js';
import { JsonText } from './json-text.js';
import { quoteIdentifier, quoteLiteral } from './names.js';
import { RowEncoder, type RowTexts } from './row-texts.js';
import { withSession } from './session-use.js';
import type { Table, TableColumn } from './table.js';

/**
 * One row: its texts by column, json columns apart. In JSON a text would be a JSON string to them, and
 * null would be NULL.
 */
export function rowJson({ columns }: Table, texts: RowTexts): string {
  const plain: string[] = [];
  const json: string[] = [];
  for (const [index, column] of columns.entries()) {
    const member = `${JSON.stringify(column.name)}:${JSON.stringify(texts[index] ?? null)}`;
    (isJson(column) ? json : plain).push(member);
  }
  return `[{${plain.join(',')}},{${json.join(',')}}]`;
}

/** The query that gives the columns of the rows in `$1`, and their order as `tidegate_order`. */
export function rowsFrom({ columns }: Table): string {
  const chosen = columns.map((column) => {
    const name = quoteIdentifier(column.name);
    if (!isJson(column)) return `given.${name}`;
    return `(rows.pair->1->>${quoteLiteral(column.name)})::${column.type} AS ${name}`;
  });
  const plain = columns.filter((column) => !isJson(column));
  const types = plain.map(({ name, type, collation }) => {
    const collate = collation === undefined ? '' : ` COLLATE ${collation}`;
    return `${quoteIdentifier(name)} ${type}${collate}`;
  });
  const given =
    types.length === 0
      ? ''
      : `, LATERAL json_to_record(rows.pair->0) AS given(${types.join(', ')})`;
  return `SELECT ${[...chosen, 'rows.tidegate_order'].join(', ')}
    FROM json_array_elements($1::json) WITH ORDINALITY AS rows(pair, tidegate_order)${given}`;
}

/** How a table's records are kept for later: the texts of their columns, read by the server once. */
export function recordFormOf<Rec>(
  table: Table,
  { driver, sink }: { readonly driver: PostgresDriver; readonly sink: string },
): RecordForm<Rec> {
  const encoder = new RowEncoder(table);
  const jsonColumns = table.columns.filter(isJson).map(({ name }) => name);
  const what = `checking records of sink ${sink}`;
  return {
    name: 'postgres-texts-1',
    encode: (record, place) => rowJson(table, encoder.texts(record, place)),
    decode: (line) => recordOf(line, jsonColumns),
    check: (lines, before, options: CallOptions) => {
      const read: ReadLines = (columns, some) =>
        withSession(driver, what, options, async (session) => {
          await session.query(readingOf({ ...table, columns }), [`[${some.join(',')}]`]);
        });
      return checkLines(table, { lines, before, read });
    },
  };
}

type ReadLines = (columns: readonly TableColumn[], lines: readonly string[]) => Promise<void>;

/** A value that is not used is not read. */
function readingOf(table: Table): string {
  const used = table.columns.map(({ name }) => `count(${quoteIdentifier(name)})`);
  return `SELECT ${used.join(', ')} FROM (${rowsFrom(table)}) AS checked`;
}

/** All at once; only where a value does not fit one by one, to name its place. */
async function checkLines(
  { columns }: Table,
  {
    lines,
    before,
    read,
  }: { readonly lines: readonly string[]; readonly before: number; readonly read: ReadLines },
): Promise<void> {
  const failure = await misfitOf(read(columns, lines));
  if (failure === undefined) return;
  for (const [index, line] of lines.entries()) {
    if ((await misfitOf(read(columns, [line]))) === undefined) continue;
    for (const column of columns) {
      const cause = await misfitOf(read([column], [line]));
      if (cause === undefined) continue;
      throw new TidegateError(
        'TIDEGATE_POSTGRES_ROW',
        `record ${before + index + 1} of the epoch: column ${column.name} of type ${column.type} was ` +
          'given a value that does not fit it',
        { cause, details: { column: column.name, type: column.type } },
      );
    }
  }
  throw failure;
}

/** @returns The error that says that a value does not fit; any other is thrown. */
async function misfitOf(reading: Promise<void>): Promise<TidegateError | undefined> {
  try {
    await reading;
    return undefined;
  } catch (error) {
    if (isTidegateError(error) && error.code === 'TIDEGATE_POSTGRES_ROW') return error;
    throw error;
  }
}

function recordOf(line: string, jsonColumns: readonly string[]): unknown {
  const [plain, json] = JSON.parse(line) as readonly Readonly<Record<string, string | null>>[];
  const members = Object.entries(json ?? {}).map(([name, text]) => [
    name,
    // A column may have been one of json when the record was staged.
    text === null || !jsonColumns.includes(name) ? text : new JsonText(text),
  ]);
  return Object.fromEntries([...Object.entries(plain ?? {}), ...members]);
}

function isJson({ value }: TableColumn): boolean {
  return value.kind === 'json';
}
