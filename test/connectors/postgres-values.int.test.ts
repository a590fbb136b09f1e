// Values of every type from one table to another: the same text, whatever the settings of process and session.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startPostgres, type PostgresServer } from './postgres-server.js';
import { ownTypes, typedValues, valueColumns } from './postgres-types.js';

const tables = 'durable last_resource keyed upsert write_ahead write_ahead_upsert'.split(' ');

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
  await server.query(`${ownTypes};
    CREATE TABLE given (id bigserial PRIMARY KEY, tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
      ${valueColumns})`);
  const inserts = typedValues.flatMap(([, ...values], index) =>
    values.map((value) => `INSERT INTO given (c${index}) VALUES (${literal(value)})`),
  );
  await server.query(inserts.join(';'));
}, 120_000);

afterAll(() => server.stop());

describe.each([
  ['Europe/Berlin', '-c timezone=UTC'],
  [
    'Pacific/Apia',
    '-c timezone=Asia/Kolkata -c datestyle=German,DMY -c intervalstyle=sql_standard ' +
      '-c extra_float_digits=-15 -c bytea_output=escape',
  ],
])('a process in %s whose sessions have %s', (timeZone, settings) => {
  beforeAll(async () => {
    for (const table of tables) {
      await server.query(`DROP TABLE IF EXISTS ${table};
        CREATE TABLE ${table} (id bigint PRIMARY KEY, ${valueColumns})`);
    }
    await copyAll(timeZone, settings);
  }, 120_000);

  test.each(typedValues.map(([type], index) => [type, `c${index}`] as const))(
    'copies %s through every sink',
    async (_type, column) => {
      for (const table of tables) {
        const differing = await server.query(
          `SELECT given.${column}::text AS given, copy.${column}::text AS copied
           FROM given LEFT JOIN ${table} AS copy USING (id)
           WHERE copy.id IS NULL OR given.${column}::text IS DISTINCT FROM copy.${column}::text`,
        );
        expect({ table, differing }).toEqual({ table, differing: [] });
      }
    },
  );
});

async function copyAll(timeZone: string, settings: string): Promise<void> {
  const script = join(import.meta.dirname, 'postgres-copying-child.ts');
  const columns = typedValues.map((_type, index) => `c${index}`);
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', script, server.url, settings, ...columns],
    { env: { ...process.env, TZ: timeZone }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  const collect = (data: Buffer): void => {
    output += data.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  await new Promise((onExit) => child.once('exit', onExit));
  const expected = tables.map((table) => `${table} finished\n`).join('');
  expect(output).toBe(expected);
}

function literal(value: string): string {
  return `E'${value.replace(/[\\']/g, '\\$&')}'`;
}
