// The checker of the main job, given outputs with known faults: it has to see each of them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { compare } from '../../../examples/main-job/checker.js';
import { startPostgres, type PostgresServer } from '../postgres-server.js';

const wanted = [1, 2, 3, 4].map(
  (n) => `{"day":"d${n}","airport":"B","flights":${n},"late":0,"minutes":-${n},"worst":0}`,
);
let room = '';
let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(() => server.stop());

beforeEach(async () => {
  room = mkdtempSync(join(tmpdir(), 'tidegate-checker-'));
  mkdirSync(join(room, 'archive/_tidegate'), { recursive: true });
  for (const name of ['statistics', 'archive']) {
    writeFileSync(join(room, `${name}.jsonl`), textOf(wanted));
  }
  await server.query('DROP TABLE IF EXISTS found');
  await server.query(`CREATE TABLE found ${columns}`);
});

afterEach(() => rmSync(room, { recursive: true }));

const columns = '(day text, airport text, flights int, late int, minutes int, worst int)';
const faults: [string, readonly string[], boolean, number, number][] = [
  ['the same lines', wanted, true, 0, 0],
  ['a line less', [wanted[0]!, ...wanted.slice(2)], false, 1, 0],
  ['lines twice', [...wanted, ...wanted.slice(1)], false, 0, 3],
  ['a line changed', [...wanted.slice(0, 3), wanted[3]!.replace('-4', '5')], false, 1, 1],
  ['nothing at all', [], false, 4, 0],
];

test.each(faults)('sees %s in a table', async (_what, lines, isSame, lost, duplicates) => {
  writeFileSync(join(room, 'archive/part-1.jsonl'), textOf(wanted));
  for (const line of [...lines].reverse()) await server.query(insertOf(line));
  const [statistics, archive] = await check({ address: server.url, table: 'found' });
  expect(statistics).toEqual({ output: 'statistics', isSame, lines: 4, lost, duplicates });
  expect(archive).toMatchObject({ output: 'archive', isSame: true });
});

test.each([
  ...faults,
  ['two lines exchanged', [...wanted].reverse(), false, 0, 0] as (typeof faults)[number],
])('sees %s in files', async (_what, lines, isSame, lost, duplicates) => {
  for (const [index, part] of [lines.slice(0, 3), lines.slice(3)].entries()) {
    const name = `part-${String(index + 9).padStart(16, '0')}.jsonl`;
    writeFileSync(join(room, 'archive', name), textOf(part));
  }
  const [, archive] = await check({ address: server.url, table: 'found' });
  expect(archive).toEqual({ output: 'archive', isSame, lines: 4, lost, duplicates });
});

test('reads the table of an embedded database', async () => {
  writeFileSync(join(room, 'archive/part-1.jsonl'), textOf(wanted));
  const directory = join(room, 'warehouse');
  const database = await PGlite.create(directory);
  await database.exec(`CREATE TABLE found ${columns}; ${wanted.map(insertOf).join(';')}`);
  await database.close();
  const [statistics] = await check({ directory, table: 'found' });
  expect(statistics).toMatchObject({ isSame: true, lines: 4 });
}, 120_000);

function check(statistics: { address?: string; directory?: string; table: string }) {
  return compare(room, { statistics, archive: join(room, 'archive') });
}

function insertOf(line: string): string {
  return `INSERT INTO found SELECT * FROM json_populate_record(NULL::found, '${line}')`;
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
