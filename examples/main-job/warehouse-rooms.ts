// Makes the tables that the runs of the demonstration write to, and takes them away at the end.

import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import type { TablePlace } from './checker.js';
import { tableColumns, type WarehousePlace } from './warehouse.js';

/** One table for each run. */
export interface WarehouseRooms {
  /** What the sinks of a run are known by: prepared transactions are shared by the whole server. */
  nameOf(run: string): string;
  placeOf(run: string): WarehousePlace;
  /** For the checker, which knows nothing of sinks. */
  tableOf(run: string): TablePlace;
  remove(): Promise<void>;
}

/** @param say Called with what takes long. */
export async function makeRooms(
  room: string,
  runs: readonly string[],
  say: (text: string) => void,
): Promise<WarehouseRooms> {
  const address = process.env.DATABASE_URL;
  return address === undefined ? embeddedRooms(room, runs, say) : serverRooms(address, runs, say);
}

async function embeddedRooms(
  room: string,
  runs: readonly string[],
  say: (text: string) => void,
): Promise<WarehouseRooms> {
  const directoryOf = (run: string): string => join(room, `${run}-warehouse`);
  const [first = '', ...others] = runs;
  say('starting an embedded PostgreSQL for the first time: some seconds');
  // In a process of its own: it computes while the flights are being read.
  const script = fileURLToPath(new URL('first-start.js', import.meta.url));
  await promisify(execFile)(process.execPath, [script, directoryOf(first)]);
  for (const run of others) cpSync(directoryOf(first), directoryOf(run), { recursive: true });
  say('the embedded PostgreSQL is there, with an empty table');
  return {
    nameOf: () => 'flight-delays',
    placeOf: (run) => ({ kind: 'embedded', directory: directoryOf(run) }),
    tableOf: (run) => ({ directory: directoryOf(run), table: 'statistics' }),
    remove: () => Promise.resolve(),
  };
}

async function serverRooms(
  address: string,
  runs: readonly string[],
  say: (text: string) => void,
): Promise<WarehouseRooms> {
  const name = `tidegate_demo_${process.pid}_${Date.now().toString(36)}`;
  await onServer(address, async (client) => {
    const { rows } = await client.query<{ max: string }>(
      `SELECT current_setting('max_prepared_transactions') AS max`,
    );
    if (Number(rows[0]?.max) === 0) {
      throw new Error(
        'the server of DATABASE_URL has max_prepared_transactions = 0, so nothing can be prepared: run ' +
          'ALTER SYSTEM SET max_prepared_transactions = 64 and restart it, or unset DATABASE_URL',
      );
    }
    await client.query(`CREATE SCHEMA ${name}`);
    for (const run of runs) await client.query(`CREATE TABLE ${name}.${run} (${tableColumns})`);
  });
  say(`made schema ${name} on the server of DATABASE_URL; it is dropped at the end`);
  return {
    nameOf: (run) => `${name}-${run}`,
    placeOf: (run) => ({ kind: 'server', schema: name, table: run }),
    tableOf: (run) => ({ address, table: `${name}.${run}` }),
    remove: () => onServer(address, (client) => removeFrom(client, name)),
  };
}

async function removeFrom(client: pg.Client, name: string): Promise<void> {
  const { rows } = await client.query<{ gid: string }>(
    'SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, $1)',
    [`${name}-`],
  );
  for (const { gid } of rows) await client.query(`ROLLBACK PREPARED ${pg.escapeLiteral(gid)}`);
  // The session of a killed process may hold a lock for a moment.
  await client.query(`SET lock_timeout = '20s'`);
  await client.query(`DROP SCHEMA ${name} CASCADE`);
}

async function onServer(
  address: string,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({ connectionString: address });
  await client.connect().catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot connect to the server of DATABASE_URL: ${why}`);
  });
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
