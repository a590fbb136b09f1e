// Rows as one JSON parameter: every column's type reads its own text, as it does behind COPY.

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
  // A value that is not used is not read.
  const used = table.columns.map(({ name }) => `count(${quoteIdentifier(name)})`);
  const statement = `SELECT ${used.join(', ')} FROM (${rowsFrom(table)}) AS checked`;
  return {
    name: 'postgres-texts-1',
    encode: (record, place) => rowJson(table, encoder.texts(record, place)),
    decode: (line) => recordOf(line, jsonColumns),
    check: (lines, options: CallOptions) =>
      withSession(driver, `checking records of sink ${sink}`, options, async (session) => {
        await session.query(statement, [`[${lines.join(',')}]`]);
      }),
  };
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
