// The PostgreSQL source under concurrent writers: nothing is skipped, and a range reads the same twice.

import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Pool } from 'pg';
import { seededRandom, systemClock } from 'tidegate/extend';
import type { Clock, Offsets, ReadableSource } from 'tidegate/extend';
import { postgresSource } from 'tidegate/postgres';
import { calm } from '../../src/testing/conformance/sink-bench.js';
import { startPostgres, type PostgresServer } from './postgres-server.js';

interface Row {
  readonly id: string;
  readonly text: string;
}

let server: PostgresServer;
let pool: Pool;
let onPause = (): void => undefined;

beforeAll(async () => {
  server = await startPostgres();
  pool = server.pool();
}, 120_000);

afterAll(() => server.stop());

beforeEach(async () => {
  await server.query(
    `DROP TABLE IF EXISTS outbox; CREATE TABLE outbox (id bigserial, text text,
       written_by xid8 NOT NULL DEFAULT pg_current_xact_id(), PRIMARY KEY (written_by, id))`,
  );
});

test('a row with a lower id that is committed late is not skipped', async () => {
  const late = await pool.connect();
  await late.query('BEGIN');
  await late.query("INSERT INTO outbox (text) VALUES ('took 1, commits last')");
  await pool.query("INSERT INTO outbox (text) VALUES ('took 2, commits first')");
  const source = open();
  expect(await readUntilPause(source)).toEqual([]);
  await late.query('COMMIT');
  late.release();
  expect((await readAll(source)).map(({ id }) => id)).toEqual(['1', '2']);
});

test('a table is not read to its end while a transaction elsewhere hides committed rows', async () => {
  const other = await pool.connect();
  await other.query('BEGIN');
  await other.query('SELECT pg_current_xact_id()');
  await pool.query("INSERT INTO outbox (text) VALUES ('committed above an open transaction')");
  let pauses = 0;
  const ending = pausing(async () => {
    pauses += 1;
    if (pauses === 3) await other.query('COMMIT');
  });
  const rows = await readAll(open({ clock: ending }));
  other.release();
  expect(rows.map(({ id }) => id)).toEqual(['1']);
  expect(pauses).toBe(3);
});

test('writers that overlap at random lose nothing, and every range reads the same again', async () => {
  const seed = 20_261;
  const random = seededRandom(seed);
  const writers = await Promise.all(Array.from({ length: 4 }, () => pool.connect()));
  const isOpen = writers.map(() => false);
  const source = open({ batchRows: 3 });
  const seen: Row[] = [];
  for (let step = 0; step < 120; step += 1) {
    const index = Math.floor(random.next() * writers.length);
    const writer = writers[index]!;
    if (!isOpen[index]) await writer.query('BEGIN');
    else if (random.next() < 0.5) {
      await writer.query('INSERT INTO outbox (text) VALUES ($1)', [`step ${step}`]);
      continue;
    } else await writer.query(random.next() < 0.8 ? 'COMMIT' : 'ROLLBACK');
    isOpen[index] = !isOpen[index];
    seen.push(...(await readUntilPause(source)));
  }
  for (const [index, writer] of writers.entries()) {
    if (isOpen[index]) await writer.query('COMMIT');
    writer.release();
  }
  seen.push(...(await readAll(source)));
  const all = await server.query('SELECT id::text FROM outbox ORDER BY outbox.id');
  expect({ seed, ids: ids(seen) }).toEqual({ seed, ids: all.map(({ id }) => Number(id)) });
});

test('a fresh process goes on behind the offsets', async () => {
  await pool.query("INSERT INTO outbox (text) SELECT 'row' FROM generate_series(1, 5)");
  const source = open({ batchRows: 2 });
  const batches = source.read(calm)[Symbol.asyncIterator]();
  const first = await batches.next();
  await batches.return?.(undefined);
  const offsets = (first.value as { offsets: Offsets }).offsets;
  const fresh = open();
  await fresh.restore(offsets, calm);
  expect((await readAll(fresh)).map(({ id }) => id)).toEqual(['3', '4', '5']);
});

test('offsets of another server and columns without an order are refused', async () => {
  const ahead = { transaction: '999999999999', key: '1' };
  await expect(open().restore(ahead, calm) as Promise<void>).rejects.toMatchObject({
    code: 'TIDEGATE_POSTGRES_SOURCE',
  });
  const unordered = postgresSource({ pool, table: 'outbox', key: 'text', transaction: 'id' });
  await expect(unordered.restore({}, calm) as Promise<void>).rejects.toThrow('not xid8');
});

test.each<[string, string, RegExp]>([
  [
    'keys may be equal',
    'CREATE TABLE odd (id int NOT NULL, written_by xid8 NOT NULL)',
    /unique.*CREATE UNIQUE INDEX ON "odd" \("written_by", "id"\)/,
  ],
  [
    'an index covers only some of the rows',
    `CREATE TABLE odd (id int NOT NULL, written_by xid8 NOT NULL);
     CREATE UNIQUE INDEX ON odd (id) WHERE id > 0`,
    /unique/,
  ],
  [
    'an index has a third column',
    `CREATE TABLE odd (id int NOT NULL, part int, written_by xid8 NOT NULL, UNIQUE (id, part))`,
    /unique/,
  ],
  [
    'another table shares its rows and not its index',
    `CREATE TABLE odd (id int PRIMARY KEY, written_by xid8 NOT NULL);
     CREATE TABLE odd_child () INHERITS (odd)`,
    /unique/,
  ],
  [
    'a key may be NULL',
    'CREATE TABLE odd (id int UNIQUE, written_by xid8 NOT NULL)',
    /may be NULL.*ALTER TABLE "odd" ALTER COLUMN id SET NOT NULL/,
  ],
  [
    'a transaction may be NULL',
    'CREATE TABLE odd (id int PRIMARY KEY, written_by xid8)',
    /may be NULL.*ALTER COLUMN written_by SET NOT NULL/,
  ],
  ['it is a view', 'CREATE VIEW odd AS SELECT * FROM outbox', /no ordinary or partitioned table/],
])('a table is refused where %s', async (_what, statements, message) => {
  await server.query('DROP TABLE IF EXISTS odd CASCADE');
  await server.query(statements);
  const source = open({ table: 'odd' });
  try {
    await expect(readAll(source)).rejects.toMatchObject({
      code: 'TIDEGATE_POSTGRES_SOURCE',
      message: expect.stringMatching(message) as unknown,
    });
  } finally {
    await server.query('DROP VIEW IF EXISTS odd').catch(() => undefined);
  }
});

test.each([
  ['a primary key', 'id int PRIMARY KEY, written_by xid8 NOT NULL DEFAULT pg_current_xact_id()'],
  [
    'texts of fixed length',
    'id char(3) PRIMARY KEY, written_by xid8 NOT NULL DEFAULT pg_current_xact_id()',
  ],
  [
    'bits of fixed length',
    'id bit(8) PRIMARY KEY, written_by xid8 NOT NULL DEFAULT pg_current_xact_id()',
  ],
])('a table is read in batches by %s', async (_what, columns) => {
  await server.query(`DROP TABLE IF EXISTS odd CASCADE; CREATE TABLE odd (${columns})`);
  const isBits = columns.startsWith('id bit');
  await server.query(
    `INSERT INTO odd SELECT (${isBits ? 'n::bit(8)' : '100 + n'}) FROM generate_series(1, 5) n`,
  );
  const seen: unknown[] = [];
  for await (const { records } of open({ table: 'odd', batchRows: 2 }).read(calm)) {
    seen.push(...records.map(({ id }) => id));
    if (seen.length > 5) break;
  }
  expect(seen).toHaveLength(5);
  expect(new Set(seen).size).toBe(5);
});

interface OpenOptions {
  readonly table?: string;
  readonly batchRows?: number;
  readonly clock?: Clock;
}

function open(options: OpenOptions = {}): ReadableSource<Row> {
  return postgresSource<Row>({
    pool,
    table: 'outbox',
    key: 'id',
    transaction: 'written_by',
    columns: options.table === undefined ? ['id', 'text'] : ['id'],
    endWhenEmpty: true,
    clock: pausing(() => onPause()),
    ...options,
  });
}

async function readAll(source: ReadableSource<Row>): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for await (const { records } of source.read(calm)) rows.push(...records);
  return rows;
}

/** What there is to read before the source waits for more, or ends. */
async function readUntilPause(source: ReadableSource<Row>): Promise<readonly Row[]> {
  const waiting = new AbortController();
  onPause = () => waiting.abort(new Error('enough'));
  const rows: Row[] = [];
  for await (const { records } of source.read({ signal: waiting.signal })) rows.push(...records);
  onPause = () => undefined;
  return rows;
}

/** A clock on which a pause takes as long as `during` takes. */
function pausing(during: () => void | Promise<void>): Clock {
  return {
    ...systemClock,
    setTimer: (callback) => {
      void Promise.resolve(during()).then(callback);
      return { cancel: () => undefined };
    },
  };
}

function ids(rows: readonly Row[]): readonly number[] {
  return rows.map(({ id }) => Number(id)).sort((left, right) => left - right);
}
