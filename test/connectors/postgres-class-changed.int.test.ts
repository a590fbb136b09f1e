// A sink whose class is changed while something is prepared: the other class settles it, and nothing stays locked.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Pool } from 'pg';
import type { TwoPhaseSink } from 'tidegate/extend';
import { postgresSink, postgresUpsertSink } from 'tidegate/postgres';
import { SimulatedDisk } from 'tidegate/testing';
import { writeAhead } from 'tidegate/write-ahead';
import { attempt, calm, idOf, ownerOf } from '../../src/testing/conformance/sink-bench.js';
import { startPostgres, type PostgresServer } from './postgres-server.js';

interface Row {
  readonly id: number;
}

let server: PostgresServer;
let pool: Pool;

beforeAll(async () => {
  server = await startPostgres();
  pool = server.pool();
}, 120_000);
afterAll(() => server.stop());

beforeEach(async () => {
  for (const { gid } of await server.query('SELECT gid FROM pg_prepared_xacts')) {
    await server.query(`ROLLBACK PREPARED '${String(gid)}'`);
  }
  await server.query(
    `DROP TABLE IF EXISTS target; CREATE TABLE target (id int PRIMARY KEY);
     DROP SCHEMA IF EXISTS tidegate CASCADE; DROP SCHEMA IF EXISTS other CASCADE`,
  );
});

const key = ['id'];
const wal = { directory: '/wal', fileSystem: new SimulatedDisk().mount().fileSystem };

function postgres(durability: 'durable' | 'last-resource', schema = 'tidegate'): TwoPhaseSink<Row> {
  const options = { pool, table: 'target', key, schema, lockTimeoutMs: 400 };
  return postgresSink<Row>({ ...options, durability });
}

/** Every two-phase class that a sink of this name may have had before, or have now. */
const classes: Record<string, () => TwoPhaseSink<Row>> = {
  durable: () => postgres('durable'),
  'last-resource': () => postgres('last-resource'),
  'write-ahead around last-resource': () =>
    writeAhead(postgres('last-resource'), {
      ...wal,
      fileSystem: new SimulatedDisk().mount().fileSystem,
    }),
};

async function leftPrepared(): Promise<readonly string[]> {
  const rows = await server.query('SELECT gid FROM pg_prepared_xacts');
  return rows.map(({ gid }) => String(gid));
}

async function rows(): Promise<readonly number[]> {
  return (await server.query('SELECT id FROM target ORDER BY id')).map(({ id }) => Number(id));
}

/** A durable sink prepares, and its process dies. */
async function prepareDurable(): Promise<string> {
  const session = await postgres('durable').open(ownerOf(1), calm);
  await session.write([{ id: 1 }]);
  const { handle } = await session.preCommit(attempt(1, 1), calm);
  expect(await leftPrepared()).toEqual([handle]);
  return handle;
}

describe.each(Object.keys(classes))('what a durable sink left prepared, opened as %s', (name) => {
  test('is seen, rolled back where recovery decides so, and locks nothing', async () => {
    const handle = await prepareDurable();
    const session = await classes[name]!().open(ownerOf(2), calm);
    const request = { checkpointId: idOf(1, 1), handle };
    expect(await session.inspect(request, calm)).toBe('prepared');
    expect(await session.inspect({ checkpointId: idOf(1, 1) }, calm)).toBe('prepared');
    expect((await session.listPrepared(calm)).map((one) => one.handle)).toEqual([handle]);
    expect(await session.rollback({ keep: [handle] }, calm)).toEqual(new Map());
    expect(await session.rollback({ keep: [] }, calm)).toEqual(new Map([[handle, 'rolled-back']]));
    expect(await session.inspect(request, calm)).toBe('absent');
    expect(await leftPrepared()).toEqual([]);
    await session.write([{ id: 1 }]);
    const next = await session.preCommit(attempt(2, 1), calm);
    expect(await session.commit(next.handle, calm)).toBe('applied');
    expect(await rows()).toEqual([1]);
  });

  test('is committed where another sink has committed, also a second time', async () => {
    const handle = await prepareDurable();
    const session = await classes[name]!().open(ownerOf(2), calm);
    expect(await session.commit(handle, calm)).toBe('applied');
    expect(await session.commit(handle, calm)).toBe('already-applied');
    expect(await session.lastCommitted(calm)).toBe(idOf(1, 1));
    expect(await session.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('committed');
    expect(await session.rollback({ keep: [] }, calm)).toEqual(new Map());
    expect(await rows()).toEqual([1]);
    expect(await leftPrepared()).toEqual([]);
  });

  test('is seen by those who only look', async () => {
    const handle = await prepareDurable();
    const { storeId, pipeline, sink } = ownerOf(1);
    const inspector = await classes[name]!().openReadOnly({ storeId, pipeline, sink }, calm);
    expect(await inspector.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('prepared');
    expect((await inspector.listPrepared(calm)).map((one) => one.handle)).toEqual([handle]);
    await inspector.close?.();
  });
});

test('a sink that was wrapped with a schema of its own settles what it left unwrapped', async () => {
  const durable = await postgres('durable', 'other').open(ownerOf(1), calm);
  await durable.write([{ id: 1 }]);
  const { handle } = await durable.preCommit(attempt(1, 1), calm);
  expect(handle).toContain('other:');
  const session = await writeAhead(postgres('last-resource', 'other'), wal).open(ownerOf(2), calm);
  expect(await session.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('prepared');
  expect(await session.commit(handle, calm)).toBe('applied');
  expect(await session.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('committed');
});

test('an overtaken owner of the other class ends nothing that is prepared', async () => {
  const handle = await prepareDurable();
  const older = await postgres('last-resource').open(ownerOf(2), calm);
  await postgres('durable').open(ownerOf(3), calm);
  const fencedCode = { code: 'TIDEGATE_FENCED' };
  await expect(older.rollback({ keep: [] }, calm)).rejects.toMatchObject(fencedCode);
  await expect(older.commit(handle, calm)).rejects.toMatchObject(fencedCode);
  expect(await leftPrepared()).toEqual([handle]);
});

describe('a sink that has no two phases any more', () => {
  const upsert = () => postgresUpsertSink<Row>({ pool, table: 'target', key, lockTimeoutMs: 400 });

  test('rolls back what it left prepared with its first record, not when it is opened', async () => {
    const handle = await prepareDurable();
    const session = await upsert().open(ownerOf(2), calm);
    // Recovery has not decided yet: a manifest in doubt may name it, and is refused.
    expect(await leftPrepared()).toEqual([handle]);
    await session.write([{ id: 1 }]);
    await session.flush(calm);
    expect(await leftPrepared()).toEqual([]);
    expect(await rows()).toEqual([1]);
  });

  test('does not when it was overtaken, and its epoch has a hole then', async () => {
    const handle = await prepareDurable();
    const older = await upsert().open(ownerOf(2), calm);
    await postgres('durable').open(ownerOf(3), calm);
    const fencedCode = { code: 'TIDEGATE_FENCED' };
    await expect(older.write([{ id: 1 }])).rejects.toMatchObject(fencedCode);
    await expect(Promise.resolve(older.flush(calm))).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_WRITE_FAILED',
    });
    expect(await leftPrepared()).toEqual([handle]);
  });
});
