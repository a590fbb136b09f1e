// What the outputs must be, worked out from the data set alone: nothing of the pipeline is used here.
//
// Run by itself it writes the expected outputs: `checker.js <parquet> <rows> <directory>`.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import pg from 'pg';

export interface Difference {
  readonly output: string;
  readonly isSame: boolean;
  readonly lines: number;
  readonly lost: number;
  readonly duplicates: number;
}

export const outputs = ['statistics', 'archive'] as const;

/** Where the table is: a directory of PGlite, or a server's address. `table` is quoted. */
export interface TablePlace {
  readonly directory?: string;
  readonly address?: string;
  readonly table: string;
}

/** The table, ordered by its key, and the files, concatenated in order of their names: byte for byte. */
export async function compare(
  expected: string,
  actual: { readonly statistics: TablePlace; readonly archive: string },
): Promise<readonly Difference[]> {
  const found = {
    statistics: await tableText(actual.statistics),
    archive: concatenated(actual.archive),
  };
  return outputs.map((output) => {
    const wanted = readFileSync(join(expected, `${output}.jsonl`));
    return differenceOf(output, wanted, found[output]);
  });
}

function differenceOf(output: string, wanted: Buffer, found: Buffer): Difference {
  const isSame = wanted.equals(found);
  const lines = count(wanted.toString('utf8'));
  if (isSame) return { output, isSame, lines: total(lines), lost: 0, duplicates: 0 };
  const seen = count(found.toString('utf8'));
  let lost = 0;
  let duplicates = 0;
  for (const line of new Set([...lines.keys(), ...seen.keys()])) {
    const difference = (seen.get(line) ?? 0) - (lines.get(line) ?? 0);
    if (difference < 0) lost -= difference;
    else duplicates += difference;
  }
  return { output, isSame, lines: total(lines), lost, duplicates };
}

async function tableText({ directory, address, table }: TablePlace): Promise<Buffer> {
  const text = `SELECT day, airport, flights, late, minutes, worst FROM ${table}
    ORDER BY day COLLATE "C", airport COLLATE "C"`;
  const rows = await (directory === undefined ? askServer : askEmbedded)(
    directory ?? address ?? '',
    text,
  );
  return Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

async function askEmbedded(directory: string, text: string): Promise<readonly unknown[]> {
  const database = await PGlite.create(directory);
  const { rows } = await database.query(text);
  await database.close();
  return rows;
}

async function askServer(address: string, text: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: address });
  await client.connect();
  const { rows } = await client.query<Readonly<Record<string, unknown>>>(text);
  await client.end();
  return rows;
}

function concatenated(directory: string): Buffer {
  const names = readdirSync(directory).filter((name) => name.startsWith('part-'));
  return Buffer.concat(names.sort().map((name) => readFileSync(join(directory, name))));
}

function count(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line !== '') counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return counts;
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, one) => sum + one, 0);
}

type Column = readonly (Date | bigint | string)[];

/** Days in order, and in each day the airports in order. */
async function writeExpected(parquet: string, rows: number, directory: string): Promise<void> {
  const file = await asyncBufferFromFile(parquet);
  const metadata = await parquetMetadataAsync(file);
  const archive: string[] = [];
  const days = new Map<string, Map<string, number[]>>();
  let begin = 0;
  for (const group of metadata.row_groups) {
    const end = Math.min(rows, begin + Number(group.num_rows));
    if (end === begin) break;
    const [dates, delays, distances, origins, destinations] = await columnsOf(file, begin, end);
    for (let row = 0; row < end - begin; row += 1) {
      const date = dates[row] as Date;
      const delay = Number(delays[row]);
      const origin = String(origins[row]);
      if (delay >= 120) {
        const place = `"origin":"${origin}","destination":"${String(destinations[row])}"`;
        const numbers = `"delay":${delay},"distance":${Number(distances[row])}`;
        archive.push(`{"time":${date.getTime()},${numbers},${place}}\n`);
      }
      const day = date.toISOString().slice(0, 10);
      let airports = days.get(day);
      if (airports === undefined) days.set(day, (airports = new Map<string, number[]>()));
      let sums = airports.get(origin);
      if (sums === undefined) airports.set(origin, (sums = [0, 0, 0, -Infinity]));
      const [flights = 0, late = 0, minutes = 0, worst = 0] = sums;
      sums.splice(
        0,
        4,
        flights + 1,
        late + Number(delay >= 120),
        minutes + delay,
        Math.max(worst, delay),
      );
    }
    begin = end;
  }
  const statistics: string[] = [];
  for (const [day, airports] of [...days].sort(([left], [right]) => (left < right ? -1 : 1))) {
    const sorted = [...airports].sort(([left], [right]) => (left < right ? -1 : 1));
    for (const [airport, [flights, late, minutes, worst]] of sorted) {
      statistics.push(
        `{"day":"${day}","airport":"${airport}","flights":${flights ?? 0},"late":${late ?? 0},` +
          `"minutes":${minutes ?? 0},"worst":${worst ?? 0}}\n`,
      );
    }
  }
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'statistics.jsonl'), statistics.join(''));
  writeFileSync(join(directory, 'archive.jsonl'), archive.join(''));

  async function columnsOf(
    from: typeof file,
    rowStart: number,
    rowEnd: number,
  ): Promise<readonly [Column, Column, Column, Column, Column]> {
    const names = ['date', 'delay', 'distance', 'origin', 'destination'];
    let read: readonly Column[] = [];
    await parquetRead({
      file: from,
      metadata,
      compressors,
      columns: names,
      rowStart,
      rowEnd,
      onComplete: (found) => {
        read = names.map((_, index) => found.map((row) => row[index] as Date | bigint | string));
      },
    });
    return read as unknown as readonly [Column, Column, Column, Column, Column];
  }
}

const [, script = '', parquet = '', rows = '', directory = ''] = process.argv;
if (import.meta.url === pathToFileURL(script).href) {
  await writeExpected(parquet, Number(rows), directory);
}
