// Positions of the PostgreSQL source: exact for keys of every type, whatever the settings of the session.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PGlite } from '@electric-sql/pglite';
import { MemoryCheckpointStore, Pipeline } from 'tidegate';
import type { Offsets, ReadableSource } from 'tidegate/extend';
import { PgliteDatabase } from 'tidegate/pglite';
import { postgresSink, postgresSource } from 'tidegate/postgres';
import type { PostgresSourceOptions } from 'tidegate/postgres';
import { calm } from '../../src/testing/conformance/sink-bench.js';
import { startPostgres, type PostgresServer } from './postgres-server.js';
import { ownTypes, typedValues } from './postgres-types.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
  await server.query(`${ownTypes};
    CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE COLLATION swedish (provider = icu, locale = 'sv')`);
}, 120_000);

afterAll(() => server.stop());

type Row = Readonly<Record<string, unknown>>;

const keys: readonly (readonly [type: string, ...values: string[]])[] = [
  ['bigint', '9007199254740992', '9007199254740993', '9007199254740994'],
  ['numeric', '0.1', '0.10000000000000000001', '12345678901234567890.5', 'NaN'],
  ['double precision', '0.1', '0.10000000000000002', '-Infinity', 'NaN', '1e300'],
  ['real', '0.1', '0.10000001', '16777216'],
  ['text', 'b', 'B', 'a', 'ä', 'å', '', "it's", 'back\\slash', 'tab\t'],
  ['text COLLATE swedish', 'z', 'å', 'ä', 'a', 'o', 'Z'],
  ['text COLLATE loose', 'z', 'a', 'b'],
  ['varchar(3)', 'a', 'ab', 'abc'],
  ['char(3)', 'a', 'ab', 'abc'],
  ['bit(3)', '101', '111', '001'],
  ['bytea', '\\x', '\\x00', '\\xff', '\\x5c'],
  ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['date', '2024-03-10', '2024-03-11', '0044-03-15 BC', 'infinity', '12024-01-01'],
  ['timestamp', '2024-07-01 12:00:00.000001', '2024-07-01 12:00:00.000002', '2024-07-01 12:00:00'],
  ['timestamptz', '2024-10-27 02:30:00.000001+02', '2024-10-27 02:30:00.000001+01', '-infinity'],
  ['time', '00:00:00.000001', '00:00:00.000002', '24:00'],
  ['timetz', '00:00:00.000001+02', '00:00:00.000001+01'],
  ['interval', '-1 days +00:00:01', '-1 days -00:00:01', '1 mon', '29 days'],
  ['boolean', 'true', 'false'],
  ['inet', '10.0.0.1', '10.0.0.1/8', '::1'],
  ['money', '1234.56', '-0.01'],
  ['mood', "it's", 'so so'],
  ['percent', '1.10', '1.11'],
  ['int4range', '[1,2)', '[1,3)', 'empty'],
  ['integer[]', '{1,2}', '{1}', '[0:1]={0,1}'],
  ['tags', '{a,"b c"}', '{}'],
  ['place', '("a ""b"", c",2.50,"2024-01-01 00:00:00.000001+00")', '(a,1,)'],
  ['jsonb', '1.10', '12345678901234567890', '"a"'],
];

describe.each([
  ['as they come', ''],
  [
    'of another place',
    '-c timezone=Asia/Kolkata -c datestyle=German,DMY -c intervalstyle=sql_standard ' +
      '-c extra_float_digits=-15 -c bytea_output=escape -c standard_conforming_strings=off',
  ],
])('in sessions with settings %s', (_what, options) => {
  test.each(keys)('no page skips or repeats a row by a key of type %s', async (...given) => {
    const [type, ...values] = given;
    await fill(type, values);
    const pool = server.pool({ ...server.settings(), options });
    const open = (): ReadableSource<Row> => sourceOf({ pool, table: 'keyed', columns: ['n'] });
    const seen: unknown[] = [];
    const places: Offsets[] = [{}];
    for await (const { records, offsets } of open().read(calm)) {
      seen.push(...records.map(({ n }) => n));
      places.push(JSON.parse(JSON.stringify(offsets)) as Offsets);
    }
    expect(seen).toEqual(await inOrder());
    for (const [index, place] of places.entries()) {
      const later = open();
      await later.restore(place, calm);
      expect((await recordsOf(later)).map(({ n }) => n)).toEqual(seen.slice(index));
    }
  });

  test('times, dates and intervals are handed out as one text', async () => {
    await fill('timestamptz', ['2024-07-01 12:00:00.000001+02']);
    await server.query(
      `ALTER TABLE keyed ADD COLUMN d date DEFAULT '2024-03-10', ADD COLUMN i interval DEFAULT '1 mon -2 days'`,
    );
    const pool = server.pool({ ...server.settings(), options });
    const [row] = await recordsOf(sourceOf({ pool, table: 'keyed', columns: ['k', 'd', 'i'] }));
    expect(row).toEqual({
      k: '2024-07-01 10:00:00.000001+00',
      d: '2024-03-10',
      i: '1 mon -2 days',
    });
  });
});

test('a key that only another collation tells apart is refused', async () => {
  await server.query(
    `DROP TABLE IF EXISTS keyed; CREATE TABLE keyed (k text COLLATE loose NOT NULL,
       tx xid8 NOT NULL DEFAULT pg_current_xact_id());
     CREATE UNIQUE INDEX ON keyed (k COLLATE "C")`,
  );
  const source = sourceOf({ pool: server.pool(), table: 'keyed' });
  await expect(recordsOf(source)).rejects.toMatchObject({ code: 'TIDEGATE_POSTGRES_SOURCE' });
});

test('a column that is named as nothing in the table is refused, with those that are', async () => {
  await fill('int', ['1']);
  const source = sourceOf({ pool: server.pool(), table: 'keyed', columns: ['m'] });
  await expect(recordsOf(source)).rejects.toMatchObject({
    code: 'TIDEGATE_POSTGRES_COLUMN',
    message: expect.stringContaining('no column m; it has k, n, tx') as unknown,
  });
});

test('a table that is altered while it is read is read as it is from then on', async () => {
  await fill('int', ['1', '2', '3']);
  await server.query('ALTER TABLE keyed ADD COLUMN v int DEFAULT 7');
  const source = sourceOf({ pool: server.pool(), table: 'keyed' });
  const seen: Row[] = [];
  for await (const { records } of source.read(calm)) {
    seen.push(...records);
    if (seen.length > 1) continue;
    await server.query(
      `ALTER TABLE keyed ALTER COLUMN v TYPE bigint; UPDATE keyed SET v = 9007199254740993;
       ALTER TABLE keyed ADD COLUMN w text DEFAULT 'new'; ALTER TABLE keyed DROP COLUMN n`,
    );
  }
  expect(seen.map(({ v, w, n }) => ({ v, w, n }))).toEqual([
    { v: 7, w: undefined, n: 0 },
    { v: '9007199254740993', w: 'new', n: undefined },
    { v: '9007199254740993', w: 'new', n: undefined },
  ]);
});

test('a column that is added while the table is read is in the rows from then on', async () => {
  await fill('int', ['1', '2']);
  const seen: Row[] = [];
  for await (const { records } of sourceOf({ pool: server.pool(), table: 'keyed' }).read(calm)) {
    seen.push(...records);
    if (seen.length === 1) await server.query('ALTER TABLE keyed ADD COLUMN w int DEFAULT 7');
  }
  expect(seen.map(({ w }) => w)).toEqual([undefined, 7]);
});

test('an embedded database hands out and takes the same values', async () => {
  const database = new PgliteDatabase({ PGlite });
  // Extensions and XML are not built into every one.
  const types = typedValues.filter(([type]) => !['hstore', 'citext', 'xml'].includes(type));
  const columns = types.map(([type], index) => `c${index} ${type}`).join(', ');
  await database.run(
    `${ownTypes.replaceAll(/CREATE EXTENSION \w+;/g, '')};
     CREATE TABLE given (id bigserial PRIMARY KEY, tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
       ${columns}); CREATE TABLE copy (id bigint PRIMARY KEY, ${columns});
     CREATE TABLE keyed (id bigint PRIMARY KEY, ${columns})`,
  );
  for (const [index, [, ...values]] of types.entries()) {
    for (const value of values) {
      await database.query(`INSERT INTO given (c${index}) VALUES (${literal(value)})`);
    }
  }
  const names = ['id', ...types.map((_type, index) => `c${index}`)];
  for (const [table, key] of [['copy'], ['keyed', ['id']]] as const) {
    const pipeline = new Pipeline(`embedded-${table}`);
    const from = { database, table: 'given', key: 'id', transaction: 'tx', columns: names };
    pipeline
      .source('given', postgresSource({ ...from, endWhenEmpty: true }))
      .to('copy', postgresSink({ database, table, ...(key === undefined ? {} : { key }) }));
    await pipeline.run({ store: new MemoryCheckpointStore() });
    const texts = names.map((name) => `${name}::text`).join(', ');
    const read = (name: string): Promise<unknown> =>
      database.query(`SELECT ${texts} FROM ${name} ORDER BY ${name}.id`);
    expect(await read(table)).toEqual(await read('given'));
  }
  await database.close();
}, 120_000);

/** All in one transaction, so that the key alone makes the order. */
async function fill(type: string, values: readonly string[]): Promise<void> {
  const rows = values.map((value, index) => `(${literal(value)}, ${index})`).join(', ');
  await server.query(
    `DROP TABLE IF EXISTS keyed; CREATE TABLE keyed (k ${type} PRIMARY KEY, n int,
       tx xid8 NOT NULL DEFAULT pg_current_xact_id()); INSERT INTO keyed (k, n) VALUES ${rows}`,
  );
}

async function inOrder(): Promise<readonly unknown[]> {
  return (await server.query('SELECT n FROM keyed ORDER BY k')).map(({ n }) => n);
}

function sourceOf(
  options: Pick<PostgresSourceOptions, 'pool' | 'table' | 'columns'>,
): ReadableSource<Row> {
  const given = { ...options, key: 'k', transaction: 'tx', batchRows: 1, endWhenEmpty: true };
  return postgresSource<Row>(given as PostgresSourceOptions);
}

async function recordsOf(source: ReadableSource<Row>): Promise<readonly Row[]> {
  const all: Row[] = [];
  for await (const { records } of source.read(calm)) all.push(...records);
  return all;
}

function literal(value: string): string {
  return `E'${value.replace(/[\\']/g, '\\$&')}'`;
}
