// One life of each PostgreSQL connector: everything that it calls on a server, in order.

import { expect } from '@jest/globals';
import type pg from 'pg';
import type { CallOptions, SourceBatch } from 'tidegate/extend';
import { postgresSink, postgresSource, postgresUpsertSink } from 'tidegate/postgres';
import { attempt, idOf, ownerOf } from '../../src/testing/conformance/sink-bench.js';
import type { PostgresServer } from './postgres-server.js';

export interface Row {
  readonly id: number;
}

/** @param generation One that no life before had. */
export type Life = (pool: pg.Pool, generation: number, call: CallOptions) => Promise<void>;

/** The tables that the lives use, empty but for two rows to read. */
export async function freshTables(server: PostgresServer): Promise<void> {
  for (const { gid } of await server.query('SELECT gid FROM pg_prepared_xacts')) {
    await server.query(`ROLLBACK PREPARED '${String(gid)}'`);
  }
  await server.query(
    `DROP TABLE IF EXISTS target, keyed, log; DROP SCHEMA IF EXISTS tidegate CASCADE;
     CREATE TABLE target (id int); CREATE TABLE keyed (id int PRIMARY KEY);
     CREATE TABLE log (id bigserial PRIMARY KEY,
       at_transaction xid8 NOT NULL DEFAULT pg_current_xact_id());
     INSERT INTO log DEFAULT VALUES; INSERT INTO log DEFAULT VALUES`,
  );
}

/** One life of each: everything that it calls on the server. */
export const lives: Readonly<Record<string, Life>> = {
  'a durable sink': (pool, generation, call) =>
    twoPhases(postgresSink<Row>({ pool, table: 'target', chunkBytes: 1 }), generation, call),
  'a last-resource sink': (pool, generation, call) =>
    twoPhases(
      postgresSink<Row>({ pool, table: 'target', chunkBytes: 1, durability: 'last-resource' }),
      generation,
      call,
    ),
  'a sink with statements of its own': (pool, generation, call) =>
    twoPhases(
      postgresSink<Row>({
        pool,
        chunkBytes: 1,
        write: async (client, records) => {
          for (const { id } of records) {
            await client.query('INSERT INTO target VALUES ($1)', [id]);
          }
        },
      }),
      generation,
      call,
    ),
  'an upsert sink': async (pool, generation, call) => {
    const sink = postgresUpsertSink<Row>({ pool, table: 'keyed', key: ['id'], chunkBytes: 1 });
    const session = await sink.open(ownerOf(generation), call);
    closeOnAbort(session, call);
    await session.write([{ id: 1 }, { id: 2 }]);
    await session.flush(call);
    await session.close?.();
  },
  'a source': async (pool, _generation, call) => {
    const source = postgresSource({
      pool,
      table: 'log',
      key: 'id',
      transaction: 'at_transaction',
      endWhenEmpty: true,
    });
    await source.restore({}, call);
    const batches: SourceBatch<unknown>[] = [];
    for await (const batch of source.read(call)) batches.push(batch);
    expect(batches.flatMap(({ records }) => records)).toHaveLength(2);
  },
  'a reader': async (pool, _generation, call) => {
    const { storeId, pipeline, sink } = ownerOf(1);
    const inspector = await postgresSink({ pool, table: 'target' }).openReadOnly(
      { storeId, pipeline, sink },
      call,
    );
    await inspector.inspect({ checkpointId: idOf(1, 1) }, call);
    await inspector.listPrepared(call);
    await inspector.lastCommitted(call);
  },
};

async function twoPhases(
  sink: ReturnType<typeof postgresSink<Row>>,
  generation: number,
  call: CallOptions,
): Promise<void> {
  const session = await sink.open(ownerOf(generation), call);
  closeOnAbort(session, call);
  await session.rollback({ keep: [] }, call);
  await session.write([{ id: 1 }, { id: 2 }]);
  await session.write([{ id: 3 }]);
  const { handle } = await session.preCommit(attempt(generation, 1), call);
  await session.commit(handle, call);
  await session.close?.();
}

/** A write has no signal of its own: whoever stops waiting closes the session, as a coordinator does. */
function closeOnAbort(session: { close?(): void | Promise<void> }, { signal }: CallOptions): void {
  signal.addEventListener('abort', () => void session.close?.(), { once: true });
}
