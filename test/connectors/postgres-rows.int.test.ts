// Records that do not fit the table: refused by name before anything of them is durable, in every kind of sink.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Pool } from 'pg';
import type { Sink } from 'tidegate/extend';
import { postgresSink, postgresUpsertSink } from 'tidegate/postgres';
import { writeAhead } from 'tidegate/write-ahead';
import { attempt, calm, ownerOf } from '../../src/testing/conformance/sink-bench.js';
import { startPostgres, type PostgresServer } from './postgres-server.js';

let server: PostgresServer;
let pool: Pool;
let room: string;

beforeAll(async () => {
  server = await startPostgres();
  pool = server.pool();
  room = mkdtempSync(join(tmpdir(), 'tidegate-rows-'));
}, 120_000);

afterAll(async () => {
  await server.stop();
  rmSync(room, { recursive: true });
});

const columns = `(id int PRIMARY KEY, note varchar(9), "constructor" text, "__proto__" text,
  size percent, added timestamptz DEFAULT now(), twice int GENERATED ALWAYS AS (id * 2) STORED)`;
const names = 'id, note, constructor, __proto__, size';

beforeEach(() =>
  server
    .query(
      `DROP SCHEMA IF EXISTS tidegate CASCADE; DROP TABLE IF EXISTS target;
       DROP DOMAIN IF EXISTS percent; CREATE DOMAIN percent AS int CHECK (value <= 100);
       CREATE TABLE target ${columns}`,
    )
    .then(() => undefined),
);

type AnySink = Sink<never>;
let directories = 0;
const table = 'target';
const key = ['id'];
const kinds: Readonly<Record<string, () => AnySink>> = {
  'a durable sink': () => postgresSink({ pool, table }),
  'a last-resource sink': () => postgresSink({ pool, table, durability: 'last-resource' }),
  'a sink by key': () => postgresSink({ pool, table, key }),
  'an upsert sink': () => postgresUpsertSink({ pool, table, key }),
  'write-ahead': () => ahead(postgresSink({ pool, table, durability: 'last-resource' })),
  'write-ahead by key': () => ahead(postgresUpsertSink({ pool, table, key })),
  'write-ahead with a codec of its own': () =>
    ahead(postgresUpsertSink({ pool, table, key }), {
      codec: { encode: JSON.stringify, decode: JSON.parse },
    }),
};

class Payment {
  id = 2;
}

const misfits: readonly (readonly [what: string, record: unknown, message: RegExp])[] = [
  ['a misspelt property', { id: 2, nte: 'x' }, /has nte, which is none of .*public\.target/],
  ['a generated column', { id: 2, twice: 4 }, /has twice, which is none of/],
  ['a number', 42, /is a number, not a plain object with columns of public\.target/],
  ['an array', [], /is an array, not a plain object/],
  ['null', null, /is null, not a plain object/],
  ['undefined', undefined, /is undefined, not a plain object/],
  ['a Map', new Map([['id', 2]]), /is an instance of Map/],
  ['an instance of a class', new Payment(), /is an instance of Payment/],
  ['an object that inherits all it has', Object.create({ id: 2 }), /is an instance of/],
  ['an object without a property', {}, /has none of the columns written to public\.target/],
  ['no value for a key', { note: 'x' }, /has no id/],
  ['null for a key', { id: null, note: 'x' }, /has no id/],
  ['a Date for a number', { id: new Date(0) }, /column id of type integer was given a Date/],
  ['bytes for a text', { id: 2, note: Buffer.of(1) }, /column note .* was given bytes/],
  ['a zero character', { id: 2, note: '\0' }, /column note .* a zero character/],
];

describe.each(Object.entries(kinds))('%s', (_kind, make) => {
  test.each(misfits)('refuses %s as the second record, and commits nothing', async (...given) => {
    const [, record, message] = given;
    const failure = await failureOf(make(), [{ id: 1 }, record]);
    expect(failure).toMatchObject({ code: 'TIDEGATE_POSTGRES_ROW' });
    expect(failure.message).toMatch(/record 2 of the epoch/);
    expect(failure.message).toMatch(message);
    if (/none of|plain object/.test(failure.message)) expect(failure.message).toContain(names);
    expect(await server.query('SELECT * FROM target')).toEqual([]);
  });

  test('writes its own properties only; what is missing, undefined or null is NULL', async () => {
    const odd = JSON.parse('{"id":1,"__proto__":"own","constructor":"own"}') as object;
    await write(make(), [odd, { id: 2, note: undefined }, { id: 3, note: null, size: 100 }]);
    const rows = await server.query(
      `SELECT id, note, "constructor" AS c, "__proto__" AS p, size, added IS NULL AS bare, twice
       FROM target ORDER BY id`,
    );
    const bare = { note: null, c: null, p: null, size: null, bare: false };
    expect(rows).toEqual([
      { ...bare, id: 1, c: 'own', p: 'own', twice: 2 },
      { ...bare, id: 2, twice: 4 },
      { ...bare, id: 3, size: 100, twice: 6 },
    ]);
  });
});

describe.each(Object.entries(kinds).filter(([kind]) => kind.startsWith('write-ahead')))(
  '%s, before the record is durable,',
  (_kind, make) => {
    test.each([
      ['a text that is no number', 'id of type integer', { id: 'secret-value' }],
      ['a number that is too large', 'id of type integer', { id: 2 ** 40 }],
      ['a text that is too long', 'note of type character', { id: 2, note: 'secret-value' }],
      ['a value that a domain does not have', 'size of type percent', { id: 2, size: 101 }],
    ])('refuses %s without quoting it', async (_what, column, record) => {
      const session = await make().open(ownerOf(1), calm);
      const writing = Promise.resolve(session.write([{ id: 1 }, record] as never));
      const failure = await writing.then(() => undefined, asError);
      await session.close?.();
      expect(failure).toMatchObject({ code: 'TIDEGATE_POSTGRES_ROW' });
      expect(failure?.message).toContain(`record 2 of the epoch: column ${column}`);
      expect(inspect(failure, { depth: 10 })).not.toContain('secret-value');
    });
  },
);

test('a column that takes no NULL refuses a record without it, unless a trigger may fill it in', async () => {
  await server.query('ALTER TABLE target ALTER COLUMN note SET NOT NULL');
  const failure = await failureOf(kinds['write-ahead']!(), [{ id: 1 }]);
  expect(failure.message).toMatch(/record 1 .* has no note, a column .* that takes no NULL/);
  await server.query(
    `CREATE OR REPLACE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN NEW.note := 'filled'; RETURN NEW; END $$;
     CREATE TRIGGER fill BEFORE INSERT ON target FOR EACH ROW EXECUTE FUNCTION fill()`,
  );
  await write(kinds['write-ahead']!(), [{ id: 1 }], 2);
  expect(await server.query('SELECT note FROM target')).toEqual([{ note: 'filled' }]);
});

describe('a key that may be NULL', () => {
  const pairs = ['id', 'part'];

  test('is refused record by record: written again it would be a second row', async () => {
    await server.query(
      'DROP TABLE target; CREATE TABLE target (id int, part int, UNIQUE (id, part))',
    );
    const sink = postgresUpsertSink({ pool, table, key: pairs });
    const failure = await failureOf(sink, [{ id: 1, part: 1 }, { id: 1 }]);
    expect(failure.message).toMatch(/record 2 .* has no part, which is part of the key/);
    expect(await server.query('SELECT * FROM target')).toEqual([]);
  });

  test('is one key where the index says so', async () => {
    await server.query(
      `DROP TABLE target; CREATE TABLE target (id int, part int, n int);
       CREATE UNIQUE INDEX ON target (id, part) NULLS NOT DISTINCT`,
    );
    const records = [
      { id: 1, part: null, n: 1 },
      { id: 1, n: 2 },
    ];
    const sink = (): AnySink => postgresUpsertSink({ pool, table, key: pairs });
    await write(sink(), records);
    await write(sink(), records, 2);
    expect(await server.query('SELECT * FROM target')).toEqual([{ id: 1, part: null, n: 2 }]);
  });

  test('is refused at the opening where a trigger could make it NULL', async () => {
    await server.query(
      `DROP TABLE target; CREATE TABLE target (id int, part int, UNIQUE (id, part));
       CREATE OR REPLACE FUNCTION clear() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN NEW.part := NULL; RETURN NEW; END $$;
       CREATE TRIGGER clear BEFORE INSERT ON target FOR EACH ROW EXECUTE FUNCTION clear()`,
    );
    const sink = postgresUpsertSink({ pool, table, key: pairs });
    await expect(sink.open(ownerOf(1), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_POSTGRES_TABLE',
      message: expect.stringContaining('ALTER COLUMN "id" SET NOT NULL') as unknown,
    });
  });
});

describe('a table is refused at the opening by key where', () => {
  test.each([
    ['the index covers some rows', 'CREATE UNIQUE INDEX ON target (name) WHERE id > 0'],
    ['the index is of an expression', 'CREATE UNIQUE INDEX ON target (lower(name))'],
    ['the index is checked late', 'ALTER TABLE target ADD UNIQUE (name) DEFERRABLE'],
    ['the index has another column', 'CREATE UNIQUE INDEX ON target (name, id)'],
    ['the index is not unique', 'CREATE INDEX ON target (name)'],
    [
      'the index takes texts that differ for one',
      `CREATE COLLATION IF NOT EXISTS loose (provider = icu, locale = 'und-u-ks-level2',
         deterministic = false);
       CREATE UNIQUE INDEX ON target (name COLLATE loose)`,
    ],
  ])('%s', async (_what, statement) => {
    await server.query(`DROP TABLE target; CREATE TABLE target (id int, name text); ${statement}`);
    const sink = postgresUpsertSink({ pool, table, key: ['name'] });
    await expect(sink.open(ownerOf(1), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_POSTGRES_TABLE',
      message: expect.stringContaining('CREATE UNIQUE INDEX ON public.target ("name")') as unknown,
    });
  });

  test('and not where the column itself has that collation: the last record wins', async () => {
    await server.query(
      `CREATE COLLATION IF NOT EXISTS loose (provider = icu, locale = 'und-u-ks-level2',
         deterministic = false);
       DROP TABLE target; CREATE TABLE target (name text COLLATE loose PRIMARY KEY, n int)`,
    );
    const sink = postgresUpsertSink({ pool, table, key: ['name'] }) as AnySink;
    await write(sink, [
      { name: 'one', n: 1 },
      { name: 'ONE', n: 2 },
    ]);
    expect(await server.query('SELECT n FROM target')).toEqual([{ n: 2 }]);
  });
});

test('an amount is written where the server reads its text as it is', async () => {
  await server.query('DROP TABLE target; CREATE TABLE target (cost money)');
  await write(kinds['a last-resource sink']!(), [{ cost: '1234.56' }]);
  expect(await server.query('SELECT cost::numeric::text AS cost FROM target')).toEqual([
    { cost: '1234.56' },
  ]);
});

function ahead(inner: Sink<never>, options: object = {}): AnySink {
  directories += 1;
  return writeAhead(inner, { directory: join(room, `wal-${directories}`), ...options });
}

async function write(sink: AnySink, records: readonly unknown[], generation = 1): Promise<void> {
  const session = await sink.open(ownerOf(generation), calm);
  try {
    await session.write(records as never);
    if ('flush' in session) {
      await session.flush(calm);
      return;
    }
    const { handle } = await session.preCommit(attempt(generation, 1), calm);
    expect(await session.commit(handle, calm)).toBe('applied');
  } finally {
    await session.close?.();
  }
}

async function failureOf(sink: AnySink, records: readonly unknown[]): Promise<Error> {
  const failure = await write(sink, records).then(() => undefined, asError);
  expect(failure).toBeInstanceOf(Error);
  return failure!;
}

function asError(error: unknown): Error {
  return error as Error;
}
