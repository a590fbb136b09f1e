// Between two processes and at the edges of the protocol: fresh processes, busy names, tags, secrets.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { FileSystemCheckpointStore, Pipeline, arraySource } from 'tidegate';
import type { Logger, TwoPhaseSinkSession } from 'tidegate/extend';
import { postgresSink } from 'tidegate/postgres';
import type { PgPool } from 'tidegate/postgres';
import { attempt, calm, idOf, ownerOf } from '../../src/testing/conformance/sink-bench.js';
import { startPostgres, type PostgresServer } from './postgres-server.js';

interface Row {
  readonly id: number;
}

let server: PostgresServer;
let pool: pg.Pool;
const children = new Set<ChildProcess>();

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
    `DROP TABLE IF EXISTS target; CREATE TABLE target (id int);
     DROP SCHEMA IF EXISTS tidegate CASCADE`,
  );
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});

describe('processes', () => {
  test('what a killed process has prepared is committed by a fresh one from the handle alone', async () => {
    const first = startChild();
    const handle = await first.line;
    const ended = new Promise((onExit) => first.process.once('exit', onExit));
    first.process.kill('SIGKILL');
    await ended;
    expect(await ids()).toEqual([]);
    expect(await startChild(handle).line).toBe('applied');
    expect(await ids()).toEqual([1, 2]);
    const third = await open(3);
    expect(await third.commit(handle, calm)).toBe('already-applied');
    expect(await third.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('committed');
  }, 120_000);

  test('after a crash of the server every class answers what it may', async () => {
    const marked = await open(1, { durability: 'last-resource' });
    const kept = await prepare(marked, 1, [1]);
    expect(await marked.commit(kept, calm)).toBe('applied');
    const lost = await prepare(marked, 2, [2]);
    await server.kill();
    await server.start();
    const fresh = await open(2, { durability: 'last-resource' });
    expect(await fresh.inspect({ checkpointId: idOf(1, 1), handle: kept }, calm)).toBe('committed');
    expect(await fresh.inspect({ checkpointId: idOf(1, 2), handle: lost }, calm)).toBe('absent');
    expect(await fresh.lastCommitted(calm)).toBe(idOf(1, 1));
  });
});

describe('answers of the server', () => {
  test.each([
    ['PREPARE TRANSACTION', 'durable'],
    ['COMMIT;', 'last-resource'],
  ] as const)('a %s that answers ROLLBACK is no success', async (statement, durability) => {
    const session = await open(1, {
      durability,
      // A statement that fails just before makes the server roll back and say so, without an error.
      pool: before(statement, (client) => client.query('SELECT 1 / 0').catch(() => undefined)),
    });
    const refused = prepare(session, 1, [1]).then((handle) => session.commit(handle, calm));
    await expect(refused).rejects.toMatchObject({ code: 'TIDEGATE_POSTGRES_TRANSACTION' });
    const fresh = await open(2, { durability });
    expect(await fresh.inspect({ checkpointId: idOf(1, 1) }, calm)).toBe('absent');
    expect(await ids()).toEqual([]);
  });

  test('a name that another session is just ending is busy, and asked again', async () => {
    const session = await open(1);
    const handle = await prepare(session, 1, [1]);
    // A commit waits for a standby that never comes, with its name locked.
    await server.query(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`);
    await reloaded('nobody');
    const first = session.commit(handle, calm);
    const waiting = `SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'`;
    while ((await server.query(waiting)).length === 0);
    const busy = session.commit(handle, calm);
    await expect(busy).rejects.toMatchObject({
      code: 'TIDEGATE_POSTGRES_BUSY',
      kind: 'retryable',
    });
    await server.query('ALTER SYSTEM RESET synchronous_standby_names');
    await reloaded('');
    expect(await first).toBe('applied');
    expect(await session.commit(handle, calm)).toBe('already-applied');
  });

  test('the connection is back in the pool as soon as the epoch is prepared', async () => {
    const narrow = server.pool({ ...server.settings(), max: 2, idleTimeoutMillis: 60_000 });
    const session = await open(1, { pool: narrow, chunkBytes: 1 });
    await session.write([{ id: 1 }]);
    await session.preCommit(attempt(1, 1), calm);
    expect(narrow.totalCount - narrow.idleCount).toBe(0);
  });

  test('a COPY that the server refuses in the middle ends the epoch, not the process', async () => {
    const session = await open(1, { chunkBytes: 1 });
    await session.write([{ id: 'no number' } as never]);
    const later = async (): Promise<unknown> => {
      for (let id = 0; id < 1_000; id += 1) await session.write([{ id }]);
      return session.preCommit(attempt(1, 1), calm);
    };
    await expect(later()).rejects.toThrow(/does not fit column id|lost records/);
    expect(await session.listPrepared(calm)).toEqual([]);
  });

  test('a bound on statements does not end a COPY that lasts as long as its epoch', async () => {
    const bound = { options: '-c statement_timeout=3s', query_timeout: 3_000 };
    const bounded = server.pool({ ...server.settings(), ...bound });
    const session = await open(1, { chunkBytes: 1, pool: bounded });
    await session.write([{ id: 1 }]);
    const lasting = `SELECT FROM pg_stat_activity WHERE query LIKE '%FROM STDIN' AND state = 'active'
      AND clock_timestamp() - query_start > interval '3.5 s'`;
    while ((await server.query(lasting)).length === 0);
    await session.write([{ id: 2 }]);
    const { handle } = await session.preCommit(attempt(1, 1), calm);
    expect(await session.commit(handle, calm)).toBe('applied');
    expect(await ids()).toEqual([1, 2]);
  });
});

describe('secrets', () => {
  const secret = 'p@ss/w:rd%?#&';
  const parts = [secret, encodeURIComponent(secret), 'p@ss', 'p%40ss'];

  test.each([
    ['that works', secret],
    ['that is wrong', `${secret}-wrong`],
  ])(
    'a password %s stands in no error, event, log line or manifest',
    async (_what, given) => {
      const strict = await startPostgres();
      const room = mkdtempSync(join(tmpdir(), 'tidegate-secret-'));
      try {
        await strict.query(`CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '${secret}'`);
        await strict.query('CREATE TABLE target (id int)');
        await strict.requirePasswords().catch(() => undefined);
        const { port } = strict.settings();
        const address = `postgres://keeper:${encodeURIComponent(given)}@127.0.0.1:${port}/postgres`;
        const told: unknown[] = [];
        const pipeline = new Pipeline('secrets');
        const sink = postgresSink<Row>({
          pool: strict.pool({ connectionString: address }),
          table: 'target',
          logger: loggerTo(told),
        });
        pipeline.source('rows', arraySource<Row>([{ id: 1 }])).to('warehouse', sink);
        const run = pipeline.prepare({
          store: new FileSystemCheckpointStore(join(room, 'checkpoints')),
          logger: loggerTo(told),
          handleSignals: false,
          checkpoint: { timeouts: { inDoubtMs: 1 } },
        });
        for (const event of events) run.coordinator.events.on(event, (report) => told.push(report));
        told.push(await run.run().catch((error: unknown) => error));
        expect(told.length).toBeGreaterThan(1);
        const text = inspect(told, { depth: 20 }) + JSON.stringify(told) + contentsOf(room);
        for (const part of parts) expect(text).not.toContain(part);
      } finally {
        await strict.stop();
        rmSync(room, { recursive: true });
      }
    },
    120_000,
  );
});

const events = [
  ...(['attempt-started', 'step-started', 'step-ended', 'sink-committed'] as const),
  ...(['sink-not-committed', 'checkpoint-completed', 'checkpoint-abandoned'] as const),
  ...(['checkpoint-failed', 'recovery-started', 'recovery-ended'] as const),
];

function startChild(handle = ''): {
  readonly process: ChildProcess;
  readonly line: Promise<string>;
} {
  const script = join(import.meta.dirname, 'postgres-child.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, server.url, handle], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const line = new Promise<string>((onLine, onFailure) => {
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
      if (output.includes('\n')) onLine(output.trim());
    });
    child.once('exit', () => {
      children.delete(child);
      onFailure(new Error(`the process ended after ${JSON.stringify(output)}`));
    });
  });
  return { process: child, line };
}

async function open(
  generation: number,
  options: Readonly<Record<string, unknown>> = {},
): Promise<TwoPhaseSinkSession<Row>> {
  return postgresSink<Row>({ pool, table: 'target', ...options }).open(ownerOf(generation), calm);
}

async function prepare(
  session: TwoPhaseSinkSession<Row>,
  sequence: number,
  rows: readonly number[],
): Promise<string> {
  await session.write(rows.map((id) => ({ id })));
  return (await session.preCommit(attempt(1, sequence), calm)).handle;
}

async function ids(): Promise<readonly unknown[]> {
  return (await server.query('SELECT id FROM target ORDER BY id')).map(({ id }) => id);
}

/** A reload is done by another process: it has happened when a new session sees it. */
async function reloaded(names: string): Promise<void> {
  await server.query('SELECT pg_reload_conf()');
  for (;;) {
    const [row] = await server.query(
      `SELECT current_setting('synchronous_standby_names') AS names`,
    );
    if (row?.names === names) return;
  }
}

/** A pool whose clients do something else just before a statement. */
function before(statement: string, act: (client: pg.PoolClient) => Promise<unknown>): PgPool {
  return intercepted(pool, async (client, text, run) => {
    if (text.startsWith(statement)) await act(client);
    return run();
  });
}

function intercepted(
  inner: pg.Pool,
  around: (client: pg.PoolClient, text: string, run: () => Promise<unknown>) => Promise<unknown>,
): PgPool {
  return {
    connect: async () => {
      const client = await inner.connect();
      const query = (text: unknown, values?: unknown[]): unknown => {
        if (typeof text !== 'string') return client.query(text as never);
        return around(client, text, () => client.query(text, values));
      };
      return {
        query,
        release: (destroy?: boolean) => client.release(destroy),
        on: client.on.bind(client),
        removeListener: client.removeListener.bind(client),
      } as never;
    },
  };
}

function loggerTo(told: unknown[]): Logger {
  const note = (...all: unknown[]): void => void told.push(all);
  return { debug: note, info: note, warn: note, error: note };
}

function contentsOf(directory: string): string {
  return readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}
