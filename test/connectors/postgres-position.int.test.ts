// A position of a PostgreSQL source belongs to one table of one server: anything else is refused, at every start.

import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type pg from 'pg';
import { MemoryCheckpointStore, Pipeline, arraySource } from 'tidegate';
import type { Offsets, ReadableSource, SourceBatch } from 'tidegate/extend';
import { postgresSink, postgresSource } from 'tidegate/postgres';
import { calm } from '../../src/testing/conformance/sink-bench.js';
import { startPostgres, type PostgresServer } from './postgres-server.js';

interface Row {
  readonly text: string;
}

let first: PostgresServer;
let second: PostgresServer;

beforeAll(async () => {
  [first, second] = await Promise.all([startPostgres(), startPostgres()]);
  // So far ahead that no transaction of the first one is in its future.
  for (let count = 0; count < 300; count += 1) await second.query('SELECT pg_current_xact_id()');
}, 120_000);

afterAll(async () => {
  await first.stop();
  await second.stop();
});

beforeEach(async () => {
  for (const server of [first, second]) {
    await server.query(`DROP TABLE IF EXISTS outbox, other; ${tableNamed('outbox')}`);
    await server.query("INSERT INTO outbox (text) VALUES ('one')");
    await server.query("INSERT INTO outbox (text) VALUES ('two')");
  }
});

function tableNamed(name: string): string {
  return `CREATE TABLE ${name} (id bigserial, text text,
    written_by xid8 NOT NULL DEFAULT pg_current_xact_id(), PRIMARY KEY (written_by, id))`;
}

function open(
  server: PostgresServer,
  options: {
    readonly table?: string;
    readonly acceptPosition?: string;
    readonly columns?: readonly string[];
    readonly pool?: pg.Pool;
  } = {},
): ReadableSource<Row> {
  return postgresSource<Row>({
    pool: server.pool(),
    table: 'outbox',
    columns: ['text'],
    key: 'id',
    transaction: 'written_by',
    endWhenEmpty: true,
    ...options,
  });
}

async function readAll(source: ReadableSource<Row>): Promise<SourceBatch<Row>> {
  const records: Row[] = [];
  let offsets: Offsets = {};
  for await (const batch of source.read(calm)) {
    records.push(...batch.records);
    ({ offsets } = batch);
  }
  return { records, offsets };
}

/** What a fresh source reads behind the position. */
async function resume(source: ReadableSource<Row>, offsets: Offsets): Promise<readonly string[]> {
  await source.restore(offsets, calm);
  return (await readAll(source)).records.map(({ text }) => text);
}

async function refusal(source: ReadableSource<Row>, offsets: Offsets): Promise<string> {
  const thrown: unknown = await resume(source, offsets).catch((error: unknown) => error);
  expect(thrown).toMatchObject({ code: 'TIDEGATE_POSTGRES_SOURCE' });
  return (thrown as Error).message;
}

test('a server that was killed and started goes on, also with other columns', async () => {
  const { offsets } = await readAll(open(first));
  expect(Object.keys(offsets)).toEqual([
    'transaction',
    'key',
    'system',
    'database',
    'table',
    'row',
  ]);
  await first.kill();
  await first.start();
  await first.query("INSERT INTO outbox (text) VALUES ('three')");
  expect(await resume(open(first), offsets)).toEqual(['three']);
  expect(await resume(open(first, { columns: ['id', 'text'] }), offsets)).toEqual(['three']);
  await first.query('ALTER TABLE outbox ADD COLUMN extra int DEFAULT 7');
  expect(await resume(open(first), offsets)).toEqual(['three']);
});

test('another server is refused at every start, until a person accepts the position', async () => {
  const { offsets } = await readAll(open(first));
  await second.query("INSERT INTO outbox (text) VALUES ('moved')");
  const said = await refusal(open(second), offsets);
  expect(said).toMatch(/the position is of server \d+, and this is server \d+/);
  expect(await refusal(open(second), offsets)).toBe(said);
  const [, acceptPosition] = /acceptPosition: ("[^"]+")/.exec(said) ?? [];
  const accepting = open(second, { acceptPosition: JSON.parse(String(acceptPosition)) as string });
  expect(await resume(accepting, offsets)).toEqual(['one', 'two', 'moved']);
  // From then on the position is of the other server.
  const after = await accepting.position();
  expect(await resume(open(second), after as Offsets)).toEqual([]);
  expect(await refusal(open(first), after as Offsets)).toContain('this is server');
});

test('another table, and a table that was made anew, are refused', async () => {
  const { offsets } = await readAll(open(first));
  await first.query(`${tableNamed('other')}; INSERT INTO other (text) VALUES ('x')`);
  expect(await refusal(open(first, { table: 'other' }), offsets)).toMatch(/table with oid \d+/);
  await first.query(`DROP TABLE outbox; ${tableNamed('outbox')}`);
  expect(await refusal(open(first), offsets)).toMatch(/table with oid \d+/);
});

test('a row at the position that is gone or says something else is refused', async () => {
  const { offsets } = await readAll(open(first));
  await first.query("UPDATE outbox SET text = 'changed' WHERE text = 'one'");
  expect(await resume(open(first), offsets)).toEqual([]);
  await first.query("UPDATE outbox SET text = 'changed' WHERE text = 'two'");
  expect(await refusal(open(first), offsets)).toContain('says something else now');
  await first.query('DELETE FROM outbox WHERE id = 2');
  expect(await refusal(open(first), offsets)).toContain('is not there');
});

test('an outbox whose rows are deleted once they were read goes on', async () => {
  const { offsets } = await readAll(open(first));
  await first.query('DELETE FROM outbox');
  expect(await resume(open(first), offsets)).toEqual([]);
  await first.query("INSERT INTO outbox (text) VALUES ('three')");
  expect(await resume(open(first), offsets)).toEqual(['three']);
});

test('a server that was set back, whose transactions up to the position still run, is refused', async () => {
  const { offsets } = await readAll(open(first));
  await first.query('DELETE FROM outbox');
  const pool = first.pool();
  const writer = await pool.connect();
  await writer.query('BEGIN');
  const { rows } = await writer.query('SELECT pg_current_xact_id()::text AS transaction');
  await first.query('SELECT pg_current_xact_id()');
  const running = { ...offsets, transaction: (rows[0] as { transaction: string }).transaction };
  expect(await refusal(open(first), running)).toContain('lies ahead of this server');
  await writer.query('ROLLBACK');
  writer.release();
});

test('a server that was set back to a copy of its files is refused, also once it has caught up', async () => {
  await readAll(open(first));
  const goBack = await first.copyFiles();
  await first.query("INSERT INTO outbox (text) VALUES ('lost 3')");
  await first.query("INSERT INTO outbox (text) VALUES ('lost 4')");
  const running = open(first);
  const batches = running.read(calm)[Symbol.asyncIterator]();
  const batch = (await batches.next()).value as SourceBatch<Row>;
  const { offsets } = batch;
  await goBack();
  expect(await refusal(open(first), offsets)).toContain('lies ahead of this server');
  for (let id = 3; id < 12; id += 1) {
    await first.query('INSERT INTO outbox (text) VALUES ($1)', [`anew ${id}`]);
  }
  expect(await refusal(open(first), offsets)).toMatch(/says something else now|is not there/);
  // The source that was reading all the while finds it too.
  await expect(batches.next()).rejects.toThrow(/says something else now|is not there/);
}, 60_000);

test('a role that may not read the number of the server is held by the rest', async () => {
  const { offsets } = await readAll(open(first));
  await first.createRole('reader');
  await first.query(
    `GRANT SELECT ON outbox TO reader; REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public`,
  );
  const as = (): { pool: pg.Pool } => ({ pool: first.pool(first.settings('reader')) });
  try {
    const blind = await readAll(open(first, as()));
    expect(blind.offsets).not.toHaveProperty('system');
    expect(await resume(open(first, as()), blind.offsets)).toEqual([]);
    expect(await refusal(open(first, as()), offsets)).toContain(
      'GRANT EXECUTE ON FUNCTION pg_control_system()',
    );
  } finally {
    await first.query('GRANT EXECUTE ON FUNCTION pg_control_system() TO public');
  }
});

test('offsets that were saved before servers had numbers are read on from', async () => {
  const { offsets } = await readAll(open(first));
  const { transaction = '', key = '' } = offsets;
  await first.query("INSERT INTO outbox (text) VALUES ('three')");
  expect(await resume(open(first), { transaction, key })).toEqual(['three']);
});

test.each(['durable', 'last-resource'] as const)(
  'a %s sink that is pointed at another database is refused by its missing markers',
  async (durability) => {
    const store = new MemoryCheckpointStore();
    const run = async (server: PostgresServer): Promise<unknown> => {
      const pipeline = new Pipeline('moved');
      pipeline.source('rows', arraySource<Row>([{ text: 'a' }])).to(
        'out',
        postgresSink<Row>({
          pool: server.pool(),
          table: 'outbox',
          columns: ['text'],
          durability,
        }),
      );
      return pipeline.run({ store, handleSignals: false });
    };
    await first.query('DROP SCHEMA IF EXISTS tidegate CASCADE');
    await second.query('DROP SCHEMA IF EXISTS tidegate CASCADE');
    await run(first);
    const refused = { cause: { code: 'TIDEGATE_RECOVERY_SINK_REWOUND' } };
    await expect(run(second)).rejects.toMatchObject(refused);
    await expect(run(second)).rejects.toMatchObject(refused);
  },
);

/** Behind a person's consent that what is gone is given up. */
async function resumeBehindLoss(source: ReadableSource<Row>, offsets: Offsets) {
  await source.restore(offsets, { ...calm, acceptLoss: true });
  return (await readAll(source)).records.map(({ text }) => text);
}

test('lost input can be given up: a table made anew, a purged row, a server taken back', async () => {
  const { offsets } = await readAll(open(first));
  await first.query("DELETE FROM outbox WHERE text = 'two'");
  await first.query("INSERT INTO outbox (text) VALUES ('three')");
  expect(await resumeBehindLoss(open(first), offsets)).toEqual(['three']);
  await first.query(`DROP TABLE outbox; ${tableNamed('outbox')}`);
  await first.query("INSERT INTO outbox (text) VALUES ('four')");
  expect(await resumeBehindLoss(open(first), offsets)).toEqual(['four']);

  // The transactions of the second server are ahead of those of the first.
  const { offsets: ahead } = await readAll(open(second));
  const back = open(first);
  expect(await resumeBehindLoss(back, ahead)).toEqual([]);
  const here = (await back.position()) as Offsets;
  await first.query("INSERT INTO outbox (text) VALUES ('five')");
  expect(await resume(open(first), here)).toEqual(['five']);
  await first.query('TRUNCATE outbox');
  expect(await resumeBehindLoss(open(first), ahead)).toEqual([]);
});

test('a position that nothing is wrong with is the same with consent', async () => {
  const { offsets } = await readAll(open(first));
  await first.query("INSERT INTO outbox (text) VALUES ('three')");
  expect(await resumeBehindLoss(open(first), offsets)).toEqual(['three']);
});
