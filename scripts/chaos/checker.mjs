// Reads what is in the table and in the files, with nothing of tidegate, and counts what is wrong.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

/** @returns {Promise<{ lost: number, duplicates: number, altered: number, leftPrepared: number }>} */
export async function check(room, database) {
  const expected = new Map();
  for (const line of readFileSync(join(room, 'rows.jsonl'), 'utf8').trimEnd().split('\n')) {
    expected.set(JSON.parse(line).n, line);
  }
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  const { rows } = await client.query(
    'SELECT n, date, delay, distance, origin, destination FROM flight ORDER BY n',
  );
  const prepared = await client.query('SELECT gid FROM pg_prepared_xacts');
  await client.end();
  const inTable = compare(
    expected,
    rows.map((row) => JSON.stringify(row)),
  );
  const { lines, staged } = readFiles(join(room, 'archive'));
  const inFiles = compare(expected, lines);
  return {
    lost: inTable.lost + inFiles.lost,
    duplicates: inTable.duplicates + inFiles.duplicates,
    altered: inTable.altered + inFiles.altered,
    leftPrepared: prepared.rows.length + staged.length,
  };
}

/** Lines of the published files of a file sink, and what it has left unpublished. */
export function readFiles(archive) {
  const parts = readdirSync(archive)
    .filter((name) => name.startsWith('part-'))
    .sort();
  const staged = readdirSync(join(archive, '_tidegate'), { recursive: true }).filter((name) =>
    /(^|\/)(open_|part-|prepared_)[^/]*$/.test(name),
  );
  return { lines: parts.flatMap((name) => linesOf(join(archive, name))), staged };
}

function linesOf(path) {
  const text = readFileSync(path, 'utf8');
  return text === '' ? [] : text.trimEnd().split('\n');
}

/** What of the expected lines, by their `n`, is not there, is there twice, or reads otherwise. */
export function compare(expected, found) {
  const seen = new Set();
  let duplicates = 0;
  let altered = 0;
  for (const line of found) {
    const { n } = JSON.parse(line);
    if (seen.has(n)) duplicates += 1;
    seen.add(n);
    if (expected.get(n) !== line) altered += 1;
  }
  return { lost: [...expected.keys()].filter((n) => !seen.has(n)).length, duplicates, altered };
}
