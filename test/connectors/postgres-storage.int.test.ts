// Objects and checkpoints in tables: on PGlite, and on a server.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { Pipeline, arraySource, memorySink } from 'tidegate';
import type { ObjectStorage } from 'tidegate/extend';
import { PgliteDatabase } from 'tidegate/pglite';
import { PostgresCheckpointStore, postgresStorage } from 'tidegate/postgres';
import { describeCheckpointStore, describeObjectStorage } from 'tidegate/testing';
import { startPostgres } from './postgres-server.js';

type Server = Awaited<ReturnType<typeof startPostgres>>;
type Place = { readonly pool: pg.Pool } | { readonly database: PgliteDatabase };

const { signal } = new AbortController();
const call = { signal };
const runner = { describe, test };
let server: Server;
let pool: pg.Pool;
let database: PgliteDatabase;

beforeAll(async () => {
  server = await startPostgres();
  pool = new pg.Pool({ connectionString: server.url, max: 10 });
  pool.on('error', () => undefined);
  database = new PgliteDatabase({ PGlite });
});

afterAll(async () => {
  await pool.end();
  await database.close();
  await server.stop();
});

const places: Readonly<Record<string, () => Place>> = {
  'a server': () => ({ pool }),
  PGlite: () => ({ database }),
};

for (const [where, place] of Object.entries(places)) {
  describeObjectStorage(
    {
      name: `storage in ${where}`,
      create: () => {
        const options = { ...place(), name: randomUUID() };
        return { connect: () => postgresStorage(options) };
      },
    },
    runner,
  );
  describeCheckpointStore(
    {
      name: `a store in ${where}`,
      create: () => {
        const options = { ...place(), name: randomUUID() };
        return { connect: () => new PostgresCheckpointStore(options) };
      },
    },
    runner,
  );
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function textIn(storage: ObjectStorage, key: string): Promise<string | undefined> {
  const object = await storage.get(key, call);
  if (object === undefined) return undefined;
  const pieces: Uint8Array[] = [];
  for await (const piece of object.body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('storage in a server', () => {
  test('many that make the tables at once all write', async () => {
    const schema = `made_${randomUUID().slice(0, 8)}`;
    const storages = Array.from({ length: 8 }, (_, index) =>
      postgresStorage({ pool, schema, name: String(index) }),
    );
    await Promise.all(storages.map((storage) => storage.put('a', bytes('1'), call)));
    for (const storage of storages) expect(await textIn(storage, 'a')).toBe('1');
  });

  test('reading makes no table', async () => {
    const schema = `none_${randomUUID().slice(0, 8)}`;
    const storage = postgresStorage({ pool, schema });
    expect(await storage.head('a', call)).toBeUndefined();
    expect((await storage.list({ prefix: '' }, call)).objects).toEqual([]);
    const { rows } = await pool.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
    expect(rows).toEqual([]);
  });

  test('an object and its parts are gone when it is replaced or deleted', async () => {
    const schema = `parts_${randomUUID().slice(0, 8)}`;
    const storage = postgresStorage({ pool, schema });
    for (const end of ['replace', 'delete'] as const) {
      const uploadId = await storage.createUpload('a', call);
      const upload = { key: 'a', uploadId };
      const parts = [];
      for (const partNumber of [1, 2]) {
        const body = bytes(String(partNumber));
        parts.push(await storage.uploadPart({ ...upload, partNumber, body }, call));
      }
      await storage.completeUpload({ ...upload, parts }, call);
      expect(await textIn(storage, 'a')).toBe('12');
      if (end === 'replace') await storage.put('a', bytes('new'), call);
      else await storage.delete('a', call);
      const { rows } = await pool.query(`SELECT count(*)::int AS left FROM ${schema}.store_parts`);
      expect(rows).toEqual([{ left: 0 }]);
    }
  });

  test('a commit waits for the disk where the server would not', async () => {
    const lazy = new pg.Pool({
      connectionString: server.url,
      options: '-c synchronous_commit=off',
      max: 1,
    });
    const seen: unknown[] = [];
    lazy.on('connect', (client) => {
      const query = client.query.bind(client) as (...given: unknown[]) => Promise<pg.QueryResult>;
      client.query = (async (...given: unknown[]) => {
        const answer = await query(...given);
        seen.push(...answer.rows.map((row: { durable?: unknown }) => row.durable));
        return answer;
      }) as never;
    });
    const storage = postgresStorage({ pool: lazy, name: randomUUID() });
    await storage.put('a', bytes('1'), call);
    expect(seen.at(-1)).toBe('on');
    await lazy.end();
  });

  test.each([
    ['without rights', 'denied', 'CREATE ROLE poor LOGIN'],
    ['that is read-only', 'denied', 'CREATE ROLE reader LOGIN'],
  ])('a role %s is told apart: %s', async (which, kind, create) => {
    await server.query(create);
    const user = create.split(' ')[2] ?? '';
    if (which === 'that is read-only') {
      await server.query(`ALTER ROLE ${user} SET default_transaction_read_only = on`);
    }
    const url = new URL(server.url);
    url.username = user;
    const other = new pg.Pool({ connectionString: url.href, max: 1 });
    const storage = postgresStorage({ pool: other, schema: `of_${user}` });
    const failure = storage.put('a', bytes('1'), call);
    await expect(failure).rejects.toMatchObject({ kind });
    await expect(failure).rejects.not.toThrow(url.password === '' ? /postgres:\/\// : url.password);
    await other.end();
  });

  test('of a write whose connection is ended by the server nothing is known', async () => {
    const name = randomUUID();
    const storage = postgresStorage({ pool, name });
    await storage.put('a', bytes('1'), call);
    const other = await pool.connect();
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM tidegate.store_objects WHERE place = $1 FOR UPDATE', [name]);
    const failure = storage.put('a', bytes('2'), call);
    const ended = expect(failure).rejects.toMatchObject({ kind: 'unknown' });
    const waiting = `SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity
      WHERE wait_event_type = 'Lock' AND query LIKE '%store_objects%' AND pid <> pg_backend_pid()`;
    while ((await pool.query(waiting)).rows.length === 0);
    await ended;
    await other.query('ROLLBACK');
    other.release();
    expect(await textIn(storage, 'a')).toBe('1');
  });

  test('a server that is away is unreachable, and nothing of the address is said', async () => {
    const away = new pg.Pool({ connectionString: 'postgres://u:secret@127.0.0.1:1/db' });
    const storage = postgresStorage({ pool: away });
    const failure = storage.put('a', bytes('1'), call);
    await expect(failure).rejects.toMatchObject({ kind: 'unreachable' });
    await expect(failure).rejects.not.toThrow(/secret/);
    await away.end();
  });

  test('an owner that is overtaken on another connection saves nothing', async () => {
    const name = randomUUID();
    const first = await new PostgresCheckpointStore({ pool, name }).open({ pipeline: 'p' });
    const other = new pg.Pool({ connectionString: server.url, max: 2 });
    const store = new PostgresCheckpointStore({ pool: other, name });
    const second = await store.open({ pipeline: 'p', liveOwner: 'take-over' });
    await expect(first.prune({ retainedCheckpoints: 1 })).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
    });
    await first.close();
    await second.close();
    await other.end();
  });

  test('a sidecar of many parts is read and written one part at a time', async () => {
    const storage = postgresStorage({ pool, name: randomUUID() });
    const uploadId = await storage.createUpload('big', call);
    const upload = { key: 'big', uploadId };
    const body = Buffer.alloc(5 * 2 ** 20, 'x');
    const parts = [];
    for (let partNumber = 1; partNumber <= 12; partNumber += 1) {
      parts.push(await storage.uploadPart({ ...upload, partNumber, body }, call));
    }
    await storage.completeUpload({ ...upload, parts }, call);
    const sizes: number[] = [];
    const object = await storage.get('big', call);
    for await (const piece of object?.body ?? []) sizes.push(piece.byteLength);
    expect(sizes).toEqual(Array.from({ length: 12 }, () => body.byteLength));
    const range = { start: body.byteLength - 2, end: body.byteLength + 3 };
    const cut: Uint8Array[] = [];
    for await (const piece of (await storage.get('big', { ...call, range }))?.body ?? []) {
      cut.push(piece);
    }
    expect(cut.map((piece) => piece.byteLength)).toEqual([2, 3]);
  });
});

describe('the command line', () => {
  const run = promisify(execFile);
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const command = ['--import', 'tsx', main];

  test('lists, verifies and prunes a store in a server, and shows no password', async () => {
    const name = `orders#${randomUUID()}`;
    const store = new PostgresCheckpointStore({ pool, name });
    const pipeline = new Pipeline('orders');
    pipeline.source('in', arraySource([1, 2, 3])).to('out', memorySink());
    await pipeline.run({ store, handleSignals: false, checkpoint: { intervalMs: 1 } });
    const url = new URL(server.url);
    url.searchParams.set('name', name);
    const ask = async (...args: string[]) =>
      run(process.execPath, [...command, ...args, '--store', url.href]);
    const listed = JSON.parse((await ask('list', '--json')).stdout) as object;
    expect(JSON.stringify(listed)).toMatch(/"complete"/);
    for (const args of [
      ['list', '--json'],
      ['verify'],
      ['prune', '--keep', '1'],
      ['show', 'latest'],
    ]) {
      const { stdout, stderr } = await ask(...args);
      expect(`${stdout}${stderr}`).not.toContain(`${url.username}:${url.password}@`);
    }
    url.searchParams.set('name', 'none');
    const empty = await ask('list');
    expect(empty.stderr).toMatch(/no checkpoints in postgres:/);
    expect(empty.stderr).not.toMatch(/@|\?/);
  });
});
