// A server that ends sessions at any moment: an error of the call that was running, never the end of the process.

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { createServer, type AddressInfo } from 'node:net';
import { MemoryCheckpointStore, Pipeline, isTidegateError } from 'tidegate';
import { postgresSink, postgresSource } from 'tidegate/postgres';
import { attempt, calm, ownerOf } from '../../src/testing/conformance/sink-bench.js';
import { freshTables, lives, type Row } from './postgres-lives.js';
import { CuttingProxy, fatal } from './postgres-proxy.js';
import { startPostgres, type PostgresServer } from './postgres-server.js';

let server: PostgresServer;
let proxy: CuttingProxy;
const pools = new Set<pg.Pool>();

beforeAll(async () => {
  server = await startPostgres();
  proxy = await CuttingProxy.before(Number(server.settings().port));
}, 120_000);

afterAll(async () => {
  await proxy.close();
  await server.stop();
});

afterEach(() => {
  proxy.cutBehind(Number.POSITIVE_INFINITY);
  proxy.release();
  // Sessions of dead owners are still checked out: the end of a pool would wait for them.
  for (const pool of pools) pool.end().catch(() => undefined);
  pools.clear();
});

/** Nobody listens to it: whoever uses it has to. */
function bare(settings: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ ...server.settings(), port: proxy.port, max: 5, ...settings });
  pools.add(pool);
  return pool;
}

describe('a server that ends a session behind any of its answers', () => {
  test.each(Object.keys(lives))(
    '%s says so, and the next one works',
    async (kind) => {
      const live = lives[kind];
      if (live === undefined) throw new Error(kind);
      await freshTables(server);
      let moments = 0;
      for (let count = 1; ; count += 1) {
        const pool = bare();
        proxy.cutBehind(count);
        const thrown: unknown = await live(pool, 2 * count - 1, calm).then(
          () => undefined,
          (error: unknown) => error,
        );
        // What lies idle in the pool is cut too, once the run is over.
        await pool.query('SELECT 1').catch(() => undefined);
        if (!proxy.isCut) break;
        moments += 1;
        if (thrown !== undefined) {
          expect(thrown).toMatchObject({ code: 'TIDEGATE_POSTGRES_UNREACHABLE' });
          expect((thrown as Error).message).toContain('administrator command');
        }
        proxy.cutBehind(Number.POSITIVE_INFINITY);
        await live(bare(), 2 * count, calm);
      }
      expect(moments).toBeGreaterThan(3);
    },
    120_000,
  );
});

describe('a commit that loses its connection behind any answer', () => {
  test.each(['durable', 'last-resource'] as const)(
    'is asked again on a new one: %s',
    async (durability) => {
      await freshTables(server);
      let moments = 0;
      for (let count = 1; ; count += 1) {
        const sink = postgresSink<Row>({ pool: bare(), table: 'target', durability });
        const session = await sink.open(ownerOf(count), calm);
        await session.write([{ id: count }]);
        const { handle } = await session.preCommit(attempt(count, 1), calm);
        proxy.cutBehind(count);
        const first: unknown = await session.commit(handle, calm).catch((error: unknown) => error);
        if (!proxy.isCut) break;
        moments += 1;
        const outcome = typeof first === 'string' ? first : await session.commit(handle, calm);
        const written = await server.query('SELECT FROM target WHERE id = $1', [count]);
        expect(written).toHaveLength(outcome === 'absent' ? 0 : 1);
        if (durability === 'durable') expect(outcome).not.toBe('absent');
        if (typeof first !== 'string') {
          expect(first).toMatchObject({
            code: 'TIDEGATE_POSTGRES_UNREACHABLE',
            cause: { code: '57P01' },
          });
        }
        await session.close?.();
      }
      expect(moments).toBeGreaterThan(1);
    },
    60_000,
  );
});

describe('a server that answers no longer, at any moment', () => {
  test.each(Object.keys(lives))(
    '%s is let go at once by its signal, and gives its connections back',
    async (kind) => {
      const live = lives[kind];
      if (live === undefined) throw new Error(kind);
      await freshTables(server);
      let moments = 0;
      for (let count = 1; ; count += 1) {
        const pool = bare({ connectionTimeoutMillis: 600_000 });
        const stalled = proxy.stallBehind(count);
        const stopping = new AbortController();
        const life = live(pool, count, { signal: stopping.signal });
        life.catch(() => undefined);
        const isOver = await Promise.race([
          stalled.then(() => false),
          life.then(
            () => true,
            () => true,
          ),
        ]);
        if (isOver) break;
        moments += 1;
        stopping.abort(new Error('no more'));
        // What comes behind a commit is no part of it: pruning that is cut off fails nothing.
        const thrown: unknown = await life.catch((error: unknown) => error);
        if (thrown !== undefined) expect(thrown).toBeInstanceOf(Error);
        // One that still connects is the pool's own; none is in the hands of a session.
        expect(pool.totalCount - pool.idleCount).toBeLessThanOrEqual(1);
      }
      proxy.release();
      expect(moments).toBeGreaterThan(3);
    },
    120_000,
  );
});

describe('a server that ends the session before the login', () => {
  test.each([
    ['with a reason', fatal],
    ['without a word', Buffer.alloc(0)],
    ['with what is no message of PostgreSQL', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('%s is an error of the call', async (_how, answer) => {
    const rude = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(answer));
    });
    await new Promise<void>((onListening) => rude.listen(0, '127.0.0.1', onListening));
    try {
      const pool = bare({ port: (rude.address() as AddressInfo).port });
      const opening = postgresSink<Row>({ pool, table: 'target' }).open(ownerOf(1), calm);
      const thrown: unknown = await opening.catch((error: unknown) => error);
      expect(isTidegateError(thrown)).toBe(true);
    } finally {
      await new Promise((onClosed) => rude.close(onClosed));
    }
  });
});

describe('idle connections', () => {
  test('that the server ends while a pipeline waits end neither the process nor the run', async () => {
    await freshTables(server);
    const pool = bare({ port: Number(server.settings().port) });
    const pipeline = new Pipeline('idle');
    const source = postgresSource<Row>({
      pool,
      table: 'log',
      columns: ['id'],
      key: 'id',
      transaction: 'at_transaction',
      pollMs: 5,
    });
    pipeline.source('log', source).to('out', postgresSink<Row>({ pool, table: 'target' }));
    const run = pipeline.prepare({
      store: new MemoryCheckpointStore(),
      handleSignals: false,
      checkpoint: { intervalMs: 20 },
    });
    const ended = run.run();
    const rows = async (): Promise<number> => (await server.query('SELECT FROM target')).length;
    while ((await rows()) < 2);
    await server.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    await server.query('INSERT INTO log DEFAULT VALUES');
    while ((await rows()) < 3);
    await run.coordinator.stop();
    await ended;
    expect((await server.query('SELECT FROM target')).length).toBe(3);
  }, 60_000);

  test('are listened to once, however many sinks and sessions share the pool', async () => {
    await freshTables(server);
    const pool = bare();
    for (let generation = 1; generation <= 12; generation += 1) {
      await lives['a durable sink']?.(pool, generation, calm);
    }
    expect(pool.listenerCount('error')).toBe(1);
    const client = await pool.connect();
    // One of ours; the pool's own is there only while the client is idle.
    expect(client.listenerCount('error')).toBe(1);
    client.release();
  });
});

describe('a caller that stops waiting', () => {
  test('is let go at once by a server that takes connections and says nothing', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((onListening) => silent.listen(0, '127.0.0.1', onListening));
    const pool = new pg.Pool({
      ...server.settings(),
      port: (silent.address() as AddressInfo).port,
    });
    const stopping = new AbortController();
    const opening = postgresSink<Row>({ pool, table: 'target' }).open(ownerOf(1), {
      signal: stopping.signal,
    });
    await new Promise((onConnection) => silent.once('connection', onConnection));
    stopping.abort(new Error('no more'));
    await expect(opening).rejects.toThrow('no more');
    silent.close();
  });

  test('is let go at once in a wait for the fence, and the connection does not come back', async () => {
    await freshTables(server);
    const pool = bare();
    const session = await postgresSink<Row>({ pool, table: 'target' }).open(ownerOf(1), calm);
    const holder = new pg.Client(server.settings());
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE tidegate.sink_owner IN ACCESS EXCLUSIVE MODE');
    const stopping = new AbortController();
    const waiting = session.commit('conformance/out/1/65537', { signal: stopping.signal });
    const isWaiting = `SELECT FROM pg_locks WHERE NOT granted`;
    while ((await server.query(isWaiting)).length === 0);
    stopping.abort(new Error('no more'));
    await expect(waiting).rejects.toThrow('no more');
    await holder.end();
    expect(pool.totalCount - pool.idleCount).toBe(0);
  });
});
