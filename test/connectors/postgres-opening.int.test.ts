// What keeps a sink from writing is found when it is opened, with the statement that mends it.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { MemoryCheckpointStore, Pipeline, arraySource } from 'tidegate';
import type { SinkOwner, TwoPhaseSinkSession } from 'tidegate/extend';
import { postgresSink, postgresUpsertSink } from 'tidegate/postgres';
import type { PostgresSinkOptions } from 'tidegate/postgres';
import { attempt, calm, ownerOf } from '../../src/testing/conformance/sink-bench.js';
import { startPostgres, type PostgresServer } from './postgres-server.js';

interface Row {
  readonly id: number;
}

let server: PostgresServer;
let app: pg.Pool;

beforeAll(async () => {
  server = await startPostgres({ maxPreparedTransactions: 2 });
  await server.createRole('app');
  await server.createRole('later');
  app = server.pool(server.settings('app'));
}, 120_000);

afterAll(() => server.stop());

beforeEach(async () => {
  for (const { gid } of await server.query('SELECT gid FROM pg_prepared_xacts')) {
    await server.query(`ROLLBACK PREPARED '${String(gid)}'`);
  }
  await server.query(
    `DROP SCHEMA IF EXISTS tidegate, work CASCADE; CREATE SCHEMA work; GRANT USAGE ON SCHEMA work TO app;
     CREATE SCHEMA tidegate AUTHORIZATION app; ALTER ROLE app RESET ALL; ALTER ROLE app NOBYPASSRLS;
     CREATE TABLE work.target (id int PRIMARY KEY, note text DEFAULT 'none');
     GRANT INSERT, SELECT, UPDATE ON work.target TO app`,
  );
});

function openAs(
  options: Partial<PostgresSinkOptions<Row>> = {},
  owner: Partial<SinkOwner> = {},
): Promise<TwoPhaseSinkSession<Row>> {
  const given = { pool: app, table: 'work.target', ...options } as PostgresSinkOptions<Row>;
  return postgresSink<Row>(given).open({ ...ownerOf(1), ...owner }, calm);
}

/** What is said, and that the statements behind "run" mend it. */
async function refusedUntilMended(
  options: Partial<PostgresSinkOptions<Row>>,
  code: string,
  said: RegExp,
): Promise<void> {
  const thrown = (await openAs(options).catch((error: unknown) => error)) as Error;
  expect(thrown).toMatchObject({ code, message: expect.stringMatching(said) as unknown });
  const [, statements] = /\brun ((?:GRANT|ALTER)\b.*)$/.exec(thrown.message) ?? [];
  expect(statements).toBeDefined();
  await server.query(String(statements));
  await writesOne(await openAs(options));
}

async function writesOne(session: TwoPhaseSinkSession<Row>): Promise<void> {
  await session.write([{ id: 1 }]);
  const { handle } = await session.preCommit(attempt(1, 1), calm);
  expect(await session.commit(handle, calm)).toBe('applied');
  await session.close?.();
}

describe('a pool', () => {
  test('of one connection is refused at once, naming what it has and what is needed', async () => {
    const pool = server.pool({ ...server.settings(), max: 1 });
    await expect(openAs({ pool })).rejects.toMatchObject({
      code: 'TIDEGATE_POSTGRES_OPTIONS',
      message: expect.stringMatching(
        /room for 1 connections.*\(out 1, and 1 to spare\) need 2/,
      ) as unknown,
      details: { max: 1, needed: 2 },
    });
    expect(pool.totalCount).toBe(0);
  });

  test('that several sinks share is counted for all of them, until one is closed', async () => {
    const pool = server.pool({ ...server.settings(), max: 3 });
    const durability = 'last-resource';
    const first = await openAs({ pool, durability }, { sink: 'first' });
    await expect(openAs({ pool, durability }, { sink: 'second' })).rejects.toThrow(
      /room for 3 connections.*\(first 2, second 2, and 1 to spare\) need 5: give new Pool\(\{ max: 5 \}\)/,
    );
    // A newer generation takes the seat of the older one.
    const newer = { sink: 'first', generation: ownerOf(2).generation };
    const again = await openAs({ pool, durability }, newer);
    await first.close?.();
    await expect(openAs({ pool, durability }, { sink: 'second' })).rejects.toThrow(/need 5/);
    await again.close?.();
    await (await openAs({ pool, durability }, { sink: 'second' })).close?.();
  });

  test('with just the connections that are needed carries all of its sinks', async () => {
    await server.query(
      'CREATE TABLE work.one (id int); CREATE TABLE work.two (id int); CREATE TABLE work.three (id int)',
    );
    const pool = server.pool({ ...server.settings(), max: 5 });
    const pipeline = new Pipeline('narrow');
    const rows = Array.from({ length: 400 }, (_, id) => ({ id }));
    const stream = pipeline.source('rows', arraySource<Row>(rows, { batchRecords: 10 }));
    for (const [name, durability] of [
      ['one', 'last-resource'],
      ['two', 'durable'],
      ['three', 'durable'],
    ] as const) {
      stream.to(
        name,
        postgresSink<Row>({ pool, table: `work.${name}`, durability, chunkBytes: 1 }),
      );
    }
    const report = await pipeline.run({
      store: new MemoryCheckpointStore(),
      handleSignals: false,
      checkpoint: { intervalMs: 1 },
    });
    expect(report.outcome).toBe('finished');
    for (const name of ['one', 'two', 'three']) {
      expect(await server.query(`SELECT count(*)::int AS n FROM work.${name}`)).toEqual([
        { n: 400 },
      ]);
    }
  }, 60_000);
});

describe('a server', () => {
  test('that cannot prepare a transaction for each durable sink of a pipeline is refused', async () => {
    const pools = [app, server.pool(server.settings('app'))] as const;
    const first = await openAs({ pool: pools[0] }, { sink: 'first' });
    const second = await openAs({ pool: pools[1] }, { sink: 'second' });
    await expect(openAs({}, { sink: 'third' })).rejects.toMatchObject({
      code: 'TIDEGATE_POSTGRES_PREPARED_OFF',
      message: expect.stringMatching(
        /max_prepared_transactions is 2, .*\(first 1, second 1, third 1\) need 3: run ALTER SYSTEM/,
      ) as unknown,
    });
    await second.close?.();
    const third = await openAs({}, { sink: 'third' });
    for (const one of [first, third]) await one.close?.();
  });

  test.each([
    ['ALTER ROLE app SET default_transaction_read_only = on', /ALTER ROLE "app" RESET/],
    [
      'ALTER DATABASE postgres SET default_transaction_read_only = on',
      /ALTER DATABASE "postgres" RESET/,
    ],
  ])('that makes transactions read-only (%s) says who does', async (statement, said) => {
    await server.query(statement);
    try {
      const pool = server.pool(server.settings('app'));
      await expect(openAs({ pool })).rejects.toMatchObject({
        code: 'TIDEGATE_POSTGRES_TABLE',
        message: expect.stringMatching(said) as unknown,
      });
    } finally {
      await server.query(
        `BEGIN; SET TRANSACTION READ WRITE; ALTER DATABASE postgres RESET default_transaction_read_only; COMMIT`,
      );
    }
  });

  test('whose bounds are tighter than an epoch lets it finish', async () => {
    await server.query(
      `ALTER ROLE app SET statement_timeout = '500ms'; ALTER ROLE app SET lock_timeout = '200ms';
       ALTER ROLE app SET idle_in_transaction_session_timeout = '50ms';
       ALTER ROLE app SET idle_session_timeout = '500ms';
       ALTER ROLE app SET transaction_timeout = '300ms'`,
    );
    const pool = server.pool({ ...server.settings('app'), idleTimeoutMillis: 60_000 });
    for (const [number, durability] of (['durable', 'last-resource'] as const).entries()) {
      const session = await openAs({ pool, durability, chunkBytes: 1 }, { sink: durability });
      await session.write([{ id: 10 * number }]);
      const old = `SELECT FROM pg_stat_activity WHERE usename = 'app'
        AND clock_timestamp() - xact_start > interval '600 ms'`;
      while ((await server.query(old)).length === 0);
      await session.write([{ id: 10 * number + 1 }]);
      const { handle } = await session.preCommit(attempt(1, 1), calm);
      if (durability === 'last-resource') while ((await server.query(old)).length === 0);
      expect(await session.commit(handle, calm)).toBe('applied');
      await session.close?.();
    }
    expect(await server.query('SELECT count(*)::int AS n FROM work.target')).toEqual([{ n: 4 }]);
  }, 60_000);
});

describe('rights', () => {
  test.each([
    ['INSERT of the table', 'REVOKE INSERT ON work.target FROM app', {}, /INSERT/],
    [
      'UPDATE of the table, by key',
      'REVOKE UPDATE ON work.target FROM app',
      { key: ['id'] },
      /UPDATE/,
    ],
    [
      'the schema of the table',
      'REVOKE USAGE ON SCHEMA work FROM app; REVOKE ALL ON SCHEMA work FROM public',
      {},
      /GRANT USAGE ON SCHEMA/,
    ],
    [
      'the sequence of a column that is not written',
      `ALTER TABLE work.target ADD COLUMN number bigint NOT NULL DEFAULT 0;
       CREATE SEQUENCE work.numbers; ALTER TABLE work.target ALTER COLUMN number
         SET DEFAULT nextval('work.numbers')`,
      {},
      /GRANT USAGE ON SEQUENCE work\.numbers/,
    ],
    [
      'the table of the markers',
      `CREATE TABLE tidegate.sink_owner (
         pipeline text NOT NULL, sink text NOT NULL, store_id text NOT NULL,
         generation bigint NOT NULL, target text NOT NULL, can_wait boolean NOT NULL,
         pruned_below bigint NOT NULL DEFAULT 0, PRIMARY KEY (pipeline, sink));
       CREATE TABLE tidegate.sink_marker (
         pipeline text NOT NULL, sink text NOT NULL, checkpoint_id bigint NOT NULL,
         store_id text NOT NULL, generation bigint NOT NULL, epoch bigint NOT NULL,
         prepared_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (pipeline, sink, checkpoint_id));
       GRANT SELECT ON tidegate.sink_owner, tidegate.sink_marker TO app`,
      {},
      /GRANT DELETE, INSERT ON .*sink_marker .*GRANT INSERT, UPDATE ON .*sink_owner /,
    ],
  ])('to use %s that are missing are named', async (_what, statement, options, said) => {
    await server.query(statement);
    await refusedUntilMended(options, 'TIDEGATE_POSTGRES_RIGHTS', said);
  });
});

describe('another role after a crash', () => {
  test('is refused until it is a member of the one that has prepared, and then goes on', async () => {
    const prepared: string[] = [];
    for (const sequence of [1, 2]) {
      const session = await openAs(
        {},
        { generation: ownerOf(sequence).generation, sink: `s${sequence}` },
      );
      await session.write([{ id: sequence }]);
      prepared.push((await session.preCommit(attempt(sequence, 1), calm)).handle);
      await session.close?.();
    }
    await server.query(
      `GRANT USAGE ON SCHEMA work, tidegate TO later; GRANT INSERT, SELECT ON work.target TO later;
       GRANT ALL ON ALL TABLES IN SCHEMA tidegate TO later; REVOKE app FROM later`,
    );
    const later = server.pool(server.settings('later'));
    let generations = 5;
    const open = (sequence: number): Promise<TwoPhaseSinkSession<Row>> => {
      generations += 1;
      const owner = { generation: ownerOf(generations).generation, sink: `s${sequence}` };
      return openAs({ pool: later }, owner);
    };
    await expect(open(1)).rejects.toMatchObject({
      code: 'TIDEGATE_POSTGRES_RIGHTS',
      message: expect.stringMatching(/as role "app".*run GRANT "app" TO "later"$/) as unknown,
    });
    await server.query('GRANT "app" TO "later"');
    const first = await open(1);
    expect(await first.commit(prepared[0] ?? '', calm)).toBe('applied');
    await first.close?.();
    const second = await open(2);
    const outcomes = await second.rollback({ keep: [] }, calm);
    expect([...outcomes]).toEqual([[prepared[1], 'rolled-back']]);
    await second.close?.();
    expect(await server.query('SELECT id FROM work.target')).toEqual([{ id: 1 }]);
    expect((await later.query('SELECT current_user::text AS role')).rows).toEqual([
      { role: 'later' },
    ]);
  });
});

describe('a foreign key between two sinks', () => {
  test('fails with the way out in its message: one sink that writes both tables', async () => {
    await server.query(
      `CREATE TABLE work.orders (id int PRIMARY KEY);
       CREATE TABLE work.items (order_id int REFERENCES work.orders DEFERRABLE INITIALLY DEFERRED)`,
    );
    const pool = server.pool();
    let lives = 0;
    const run = async (build: (pipeline: Pipeline) => void): Promise<unknown> => {
      const pipeline = new Pipeline(`orders-${String((lives += 1))}`);
      build(pipeline);
      return pipeline.run({
        store: new MemoryCheckpointStore(),
        handleSignals: false,
        checkpoint: { tolerableFailures: 0 },
      });
    };
    const apart = run((pipeline) => {
      const orders = pipeline.source('rows', arraySource<Row>([{ id: 1 }, { id: 2 }]));
      orders.to('orders', postgresSink<Row>({ pool, table: 'work.orders' }));
      orders
        .map(({ id }) => ({ order_id: id }))
        .to('items', postgresSink({ pool, table: 'work.items' }));
    });
    await expect(apart).rejects.toThrow(
      /breaks constraint items_order_id_fkey.*\(SQLSTATE 23503\).*one sink that has a write function/,
    );
    for (const { gid } of await server.query('SELECT gid FROM pg_prepared_xacts')) {
      await server.query(`ROLLBACK PREPARED '${String(gid)}'`);
    }
    const both = postgresSink<Row>({
      pool,
      write: async (client, records) => {
        for (const { id } of records) {
          await client.query('INSERT INTO work.items VALUES ($1)', [id]);
          await client.query('INSERT INTO work.orders VALUES ($1)', [id]);
        }
      },
    });
    const rows = arraySource<Row>([{ id: 1 }, { id: 2 }]);
    expect(await run((pipeline) => pipeline.source('rows', rows).to('both', both))).toMatchObject({
      outcome: 'finished',
    });
    expect(
      await server.query('SELECT FROM work.items JOIN work.orders ON id = order_id'),
    ).toHaveLength(2);
  });
});

describe('row-level security', () => {
  test('under which COPY cannot write is found, and a key or the right to pass it by mends it', async () => {
    await server.query(
      `ALTER TABLE work.target ENABLE ROW LEVEL SECURITY;
       CREATE POLICY all_rows ON work.target USING (true) WITH CHECK (true)`,
    );
    await writesOne(await openAs({ key: ['id'] }));
    await server.query('DELETE FROM work.target; DELETE FROM tidegate.sink_owner');
    await server.query('DELETE FROM tidegate.sink_marker');
    await refusedUntilMended(
      {},
      'TIDEGATE_POSTGRES_TABLE',
      /row-level security.*give the sink a key/,
    );
  });

  test('that could hide a marker is refused', async () => {
    await (await openAs()).close?.();
    await server.query(
      `ALTER TABLE tidegate.sink_marker ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
    );
    await expect(openAs({}, { generation: ownerOf(2).generation })).rejects.toThrow(
      /hide markers.*ALTER TABLE "tidegate"\.sink_marker DISABLE ROW LEVEL SECURITY/,
    );
  });
});

describe('triggers', () => {
  const trigger = (body: string, kind = 'AFTER INSERT ON work.target FOR EACH ROW'): string =>
    `CREATE FUNCTION work.act() RETURNS trigger LANGUAGE plpgsql AS $body$
       BEGIN ${body} RETURN NULL; END $body$;
     CREATE TRIGGER act ${kind} EXECUTE FUNCTION work.act()`;

  test.each([
    ["PERFORM pg_notify('rows', NEW.id::text);", 'NOTIFY'],
    ['NOTIFY rows;', 'NOTIFY'],
    ["EXECUTE format('NOTIFY %I', TG_TABLE_NAME);", 'NOTIFY'],
    ['LISTEN rows;', 'LISTEN'],
    ['CREATE TEMP TABLE IF NOT EXISTS seen (id int);', 'a temporary table'],
    ['PERFORM work.tell_all(1);', 'NOTIFY'],
  ])('that do what no prepared transaction may (%s) are found', async (body, word) => {
    await server.query(
      `CREATE FUNCTION work.tell(id int) RETURNS void LANGUAGE sql AS
         $$ SELECT pg_notify('rows', id::text) $$;
       CREATE FUNCTION work.tell_all(id int) RETURNS void LANGUAGE plpgsql AS
         $$ BEGIN PERFORM work.tell(id); END $$; ${trigger(body)}`,
    );
    const refused = openAs();
    await expect(refused).rejects.toMatchObject({ code: 'TIDEGATE_POSTGRES_TABLE' });
    await expect(refused).rejects.toThrow(
      `trigger act of table work.target uses ${word}, which PostgreSQL does not allow`,
    );
    await (await openAs({ durability: 'last-resource' })).close?.();
    await server.query('ALTER TABLE work.target DISABLE TRIGGER act');
    await writesOne(
      await openAs({}, { generation: ownerOf(2).generation }).then(async (one) => {
        await one.close?.();
        return openAs({}, { sink: 'other' });
      }),
    );
  });

  test.each([
    ['-- NOTIFY rows\n /* LISTEN rows; */'],
    ["RAISE DEBUG 'please notify somebody';"],
    ['UPDATE work.listeners SET notify = true;'],
  ])('that only look like it (%s) are not', async (body) => {
    await server.query(`CREATE TABLE work.listeners (notify boolean);
      GRANT ALL ON work.listeners TO app; ${trigger(body)}`);
    await writesOne(await openAs());
  });

  test('for a statement that always raise are found by a statement without rows', async () => {
    await server.query(trigger("RAISE EXCEPTION 'closed';", 'BEFORE INSERT ON work.target'));
    await expect(openAs()).rejects.toThrow(/opening sink out: a trigger or function refused/);
    expect(
      await server.query("SELECT FROM pg_stat_activity WHERE state LIKE 'idle in tr%'"),
    ).toEqual([]);
  });

  test('of a partition are found too', async () => {
    await server.query(
      `CREATE TABLE work.parts (id int) PARTITION BY RANGE (id);
       CREATE TABLE work.part PARTITION OF work.parts FOR VALUES FROM (0) TO (10);
       GRANT ALL ON work.parts TO app;
       ${trigger('NOTIFY rows;', 'AFTER INSERT ON work.part FOR EACH ROW')}`,
    );
    await expect(openAs({ table: 'work.parts' })).rejects.toThrow(
      /uses NOTIFY.*ALTER TABLE work\.part DISABLE TRIGGER act/,
    );
  });
});

describe('tables', () => {
  test('with an unlogged partition or a rule are refused', async () => {
    await server.query(
      `CREATE TABLE work.parts (id int) PARTITION BY RANGE (id);
       CREATE UNLOGGED TABLE work.part PARTITION OF work.parts FOR VALUES FROM (0) TO (10);
       CREATE TABLE work.ruled (id int PRIMARY KEY);
       CREATE RULE away AS ON INSERT TO work.ruled DO INSTEAD NOTHING;
       GRANT ALL ON work.parts, work.ruled TO app`,
    );
    await expect(openAs({ table: 'work.parts' })).rejects.toThrow(
      /work\.part, a partition.*unlogged/,
    );
    await expect(openAs({ table: 'work.ruled' })).rejects.toThrow(/has the rule away/);
    const upsert = postgresUpsertSink({ pool: app, table: 'work.ruled', key: ['id'] });
    await expect(upsert.open(ownerOf(1), calm)).rejects.toThrow(/has the rule away/);
  });

  test('that somebody has locked are opened all the same', async () => {
    const holder = await server.pool().connect();
    await holder.query('BEGIN; LOCK TABLE work.target IN EXCLUSIVE MODE');
    const session = await openAs();
    await holder.query('ROLLBACK');
    holder.release();
    await writesOne(session);
  });
});
