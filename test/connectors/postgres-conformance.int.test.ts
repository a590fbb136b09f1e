// The suite for two-phase sinks, on an embedded PGlite and on a real server.

import { afterAll, beforeAll, describe, test } from '@jest/globals';
import type { Pool } from 'pg';
import { PGlite } from '@electric-sql/pglite';
import type { TwoPhaseSink } from 'tidegate/extend';
import { PgliteDatabase } from 'tidegate/pglite';
import { postgresSink } from 'tidegate/postgres';
import type { DatabaseOptions } from 'tidegate/postgres';
import { describeTwoPhaseSink } from 'tidegate/testing';
import type { SinkSystem } from 'tidegate/testing';
import { startPostgres, type PostgresServer } from './postgres-server.js';

interface Row {
  readonly number: number;
  readonly text: string;
}

type Query = (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
type Output = 'table' | 'key' | 'write';

const classes: readonly TwoPhaseSink['durability'][] = ['durable', 'last-resource'];
let schemas = 0;

describe('on an embedded database', () => {
  const database = new PgliteDatabase({ PGlite });
  const query: Query = (text) => database.query(text);
  beforeAll(() => query('SELECT 1').then(() => undefined), 120_000);
  afterAll(() => database.close());

  for (const durability of classes) {
    describeRows(`an embedded ${durability} sink`, () => ({
      query,
      options: { database },
      durability,
      output: 'table',
    }));
  }
});

describe('on a server', () => {
  let server: PostgresServer;
  let watcher: Pool;
  beforeAll(async () => {
    server = await startPostgres();
    watcher = server.pool();
  }, 120_000);
  afterAll(() => server.stop());

  for (const durability of classes) {
    for (const output of ['table', 'key', 'write'] as const) {
      // What differs by class or by output is tried once; the rest is the same code.
      if (durability !== 'durable' && output !== 'table') continue;
      describeRows(`a ${durability} sink (${output})`, () => ({
        query: async (text) => (await watcher.query<Record<string, unknown>>(text)).rows,
        options: { pool: server.pool() },
        durability,
        output,
      }));
    }
  }
});

interface Setup {
  readonly query: Query;
  readonly options: DatabaseOptions;
  readonly durability: TwoPhaseSink['durability'];
  readonly output: Output;
}

function describeRows(name: string, setup: () => Setup): void {
  describeTwoPhaseSink<Row>(
    {
      name,
      record: (number) => ({ number, text: `row ${number}\twith a tab, a \\ and a "quote"` }),
      create: () => systemOf(setup()),
    },
    { describe, test },
  );
}

/** A schema of its own for each case, with the markers beside the rows. */
async function systemOf({ query, options, durability, output }: Setup): Promise<SinkSystem<Row>> {
  schemas += 1;
  const schema = `case_${schemas}`;
  await query(`CREATE SCHEMA ${schema}`);
  await query(
    `CREATE TABLE ${schema}.rows (number int PRIMARY KEY, text text, arrival bigserial NOT NULL)`,
  );
  const table = `${schema}.rows`;
  const key = { table, key: ['number'] };
  const write = {
    write: async (
      client: { query: (text: string, values: unknown[]) => unknown },
      rows: readonly Row[],
    ) => {
      for (const { number, text } of rows) {
        await client.query(`INSERT INTO ${table} (number, text) VALUES ($1, $2)`, [number, text]);
      }
    },
  };
  const outputs = { table: { table }, key, write };
  return {
    connect: () => postgresSink<Row>({ ...options, ...outputs[output], durability, schema }),
    visible: async () =>
      (await query(`SELECT number, text FROM ${table} ORDER BY arrival`)) as unknown as Row[],
    close: async () => {
      // A prepared transaction would keep its locks on the schema for ever.
      for (const { gid } of await query('SELECT gid FROM pg_prepared_xacts')) {
        await query(`ROLLBACK PREPARED '${String(gid)}'`);
      }
    },
  };
}
