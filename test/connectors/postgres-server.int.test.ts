// What only a real server shows: fences between sessions, kills, lost answers, missing rights.

import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Pool, PoolClient } from 'pg';
import { silentLogger } from 'tidegate/extend';
import type { TwoPhaseSink, TwoPhaseSinkSession } from 'tidegate/extend';
import { postgresSink, postgresUpsertSink } from 'tidegate/postgres';
import type { PgPool, PostgresClient } from 'tidegate/postgres';
import { toError } from '../../src/errors.js';
import {
  attempt,
  calm,
  idOf,
  ownerOf,
  secondStore,
} from '../../src/testing/conformance/sink-bench.js';
import { password, startPostgres, type PostgresServer } from './postgres-server.js';

interface Row {
  readonly id: number;
}

let server: PostgresServer;
let pool: Pool;
const seenErrors: Error[] = [];

beforeAll(async () => {
  server = await startPostgres();
  pool = server.pool();
}, 120_000);

afterAll(async () => {
  await server.stop();
  // The password stands in every pool's settings: had an error taken it along, it would show here.
  expect(seenErrors.length).toBeGreaterThan(8);
  for (const error of seenErrors) expect(inspect(error, { depth: 10 })).not.toContain(password);
});

beforeEach(async () => {
  for (const { gid } of await server.query('SELECT gid FROM pg_prepared_xacts')) {
    await server.query(`ROLLBACK PREPARED '${String(gid)}'`);
  }
  await server.query(
    `DROP TABLE IF EXISTS target; CREATE TABLE target (id int PRIMARY KEY);
     DROP SCHEMA IF EXISTS tidegate CASCADE`,
  );
});

describe('the fence', () => {
  test('an owner waits for an older session that it may not end, then sees what it did', async () => {
    const older = pausing(pool, 'COMMIT PREPARED');
    const session = await open(1, { pool: older.pool });
    const handle = await prepare(session, 1, [1]);
    await server.createRole('heir');
    await server.query(
      'GRANT USAGE ON SCHEMA tidegate TO heir; GRANT ALL ON ALL TABLES IN SCHEMA tidegate, public TO heir',
    );
    const order: string[] = [];
    const committing = session.commit(handle, calm).then((outcome) => order.push(outcome));
    await older.reached;
    const opening = open(2, { pool: server.pool(server.settings('heir')) }).then(async (newer) => {
      order.push('opened');
      expect(await newer.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('committed');
      return newer;
    });
    const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`;
    while (order.length === 0 && (await server.query(waiting)).length === 0);
    expect(order).toEqual([]);
    older.goOn();
    const newer = await opening;
    await committing;
    expect(order).toHaveLength(2);
    expect(await newer.lastCommitted(calm)).toBe(idOf(1, 1));
  });

  test('a session that was ended in the middle of a commit commits nothing afterwards', async () => {
    const older = pausing(pool, 'COMMIT PREPARED');
    const session = await open(1, { pool: older.pool });
    const handle = await prepare(session, 1, [1]);
    const committing = session.commit(handle, calm);
    committing.catch(() => undefined);
    await older.reached;
    const newer = await open(2);
    older.goOn();
    await refused(committing);
    expect(await newer.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('prepared');
    expect(await rows()).toEqual([]);
  });

  test('the open transaction of an older session keeps no row from the next owner', async () => {
    const older = await open(1, { key: ['id'], chunkBytes: 1 });
    await older.write([{ id: 1 }]);
    await older.write([{ id: 2 }]);
    const newer = await open(2, { key: ['id'] });
    const handle = await prepare(newer, 1, [1, 2], 2);
    expect(await newer.commit(handle, calm)).toBe('applied');
    await refused(older.preCommit(attempt(1, 2), calm));
  });

  test('a pooler that shares backends between sessions is refused', async () => {
    const client = await pool.connect();
    const shared = { ...bound(client), release: () => undefined } as unknown as PoolClient;
    const failure = await refused(open(1, { pool: { connect: async () => shared } }));
    client.release(true);
    expect(failure).toMatchObject({ code: 'TIDEGATE_POSTGRES_POOLER' });
  });
});

test('the same names in another schema are another sink: neither ended nor rolled back', async () => {
  await server.query('DROP SCHEMA IF EXISTS "Other: ä" CASCADE');
  const session = await open(1, { chunkBytes: 1 });
  const handle = await prepare(session, 1, [1]);
  // Rows on their way: the session is one that an owner of a newer generation would end.
  await session.write([{ id: 2 }]);
  const other = await open(2, { schema: 'Other: ä' });
  expect(await other.listPrepared(calm)).toEqual([]);
  expect(await other.rollback({ keep: [] }, calm)).toEqual(new Map());
  expect(await refused(other.inspect({ checkpointId: idOf(1, 1), handle }, calm))).toMatchObject({
    code: 'TIDEGATE_POSTGRES_HANDLE',
  });
  expect(await session.commit(handle, calm)).toBe('applied');
  const next = await prepare(session, 2, [3]);
  const theirs = await prepare(other, 1, [4], 2);
  expect(await session.rollback({ keep: [next] }, calm)).toEqual(new Map());
  expect(await other.commit(theirs, calm)).toBe('applied');
  expect(await session.commit(next, calm)).toBe('applied');
  expect(await rows()).toEqual([1, 2, 3, 4]);
});

describe('a killed server', () => {
  test('still has what was prepared, and a fresh process commits it', async () => {
    const session = await open(1);
    const handle = await prepare(session, 1, [1, 2]);
    await restart();
    const fresh = await open(2);
    expect(await fresh.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('prepared');
    expect(await fresh.commit(handle, calm)).toBe('applied');
    expect(await rows()).toEqual([1, 2]);
  });

  test('has lost what was only pre-committed by a last-resource sink', async () => {
    const session = await open(1, { durability: 'last-resource' });
    const handle = await prepare(session, 1, [1]);
    await restart();
    await refused(session.commit(handle, calm));
    const fresh = await open(2, { durability: 'last-resource' });
    expect(await fresh.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('absent');
    expect(await rows()).toEqual([]);
  });

  test('in the middle of an epoch makes a hole that is never pre-committed', async () => {
    const session = await open(1, { chunkBytes: 1 });
    await session.write([{ id: 1 }]);
    await restart();
    await Promise.resolve(session.write([{ id: 2 }])).catch(toError);
    const failure = await refused(session.preCommit(attempt(1, 1), calm));
    expect(failure.message).toMatch(
      /Check host and port|The server ended the session|lost records/,
    );
    await refused(session.preCommit(attempt(1, 2), calm));
    const fresh = await open(2);
    expect(await fresh.listPrepared(calm)).toEqual([]);
    expect(await fresh.commit(await prepare(fresh, 1, [3], 2), calm)).toBe('applied');
    expect(await rows()).toEqual([3]);
  });
});

describe('"not found" is answered by the marker', () => {
  test('absent when somebody else rolled back, already applied when somebody else committed', async () => {
    const session = await open(1);
    const lost = await prepare(session, 1, [1]);
    await server.query(`ROLLBACK PREPARED '${lost}'`);
    expect(await session.commit(lost, calm)).toBe('absent');
    const kept = await prepare(session, 2, [2]);
    await server.query(`COMMIT PREPARED '${kept}'`);
    expect(await session.commit(kept, calm)).toBe('already-applied');
  });

  test('a roll back that comes too late says that it was committed', async () => {
    const paused = pausing(pool, 'ROLLBACK PREPARED');
    const session = await open(1, { pool: paused.pool });
    const handle = await prepare(session, 1, [1]);
    const rollingBack = session.rollback({ keep: [] }, calm);
    await paused.reached;
    await server.query(`COMMIT PREPARED '${handle}'`);
    paused.goOn();
    expect((await rollingBack).get(handle)).toBe('committed');
    expect(await rows()).toEqual([1]);
  });

  test('a lost answer to COMMIT is cleared up by asking again', async () => {
    const deaf = losingAnswer(pool, 'COMMIT;');
    const session = await open(1, { pool: deaf.pool, durability: 'last-resource' });
    const handle = await prepare(session, 1, [1]);
    deaf.begin();
    await refused(session.commit(handle, calm));
    expect(await session.commit(handle, calm)).toBe('already-applied');
    expect(await rows()).toEqual([1]);
  });

  test.each(['durable', 'last-resource'] as const)(
    'a marker that a %s sink may have pruned is no proof of absence',
    async (durability) => {
      const session = await open(1, { markersKept: 100, durability });
      await markOlder(300);
      await session.commit(await prepare(session, 1, [1]), calm);
      expect(await markers()).toBe(100);
      const old = session.inspect({ checkpointId: 5 as never }, calm);
      expect(await refused(old)).toMatchObject({ code: 'TIDEGATE_POSTGRES_MARKER_PRUNED' });
      expect(await session.inspect({ checkpointId: 299 as never }, calm)).toBe('committed');
    },
  );

  test.each(['durable', 'last-resource'] as const)(
    'a %s sink that cannot prune has committed all the same, and says so',
    async (durability) => {
      const failing = intercept(pool, (statement, run) =>
        /^\s*DELETE/.test(statement) ? Promise.reject(new Error('no time')) : run(),
      );
      const warn = jest.fn();
      const logger = { ...silentLogger, warn };
      const session = await open(1, { markersKept: 100, durability, pool: failing, logger });
      await markOlder(300);
      expect(await session.commit(await prepare(session, 1, [1]), calm)).toBe('applied');
      expect(await markers()).toBe(301);
      expect(warn).toHaveBeenCalledWith(expect.anything(), expect.stringContaining('prune'));
      const old = session.inspect({ checkpointId: 5 as never }, calm);
      expect(await old).toBe('committed');
    },
  );

  test('as many markers as years have left are pruned a part at a time', async () => {
    const session = await open(1, { markersKept: 100, durability: 'last-resource' });
    await markOlder(25_000);
    await session.commit(await prepare(session, 1, [1]), calm);
    expect(await markers()).toBe(15_001);
    const old = session.inspect({ checkpointId: 5 as never }, calm);
    expect(await refused(old)).toMatchObject({ code: 'TIDEGATE_POSTGRES_MARKER_PRUNED' });
  });
});

describe('a user’s own statements', () => {
  test.each([
    ['ends the transaction', (client: PostgresClient) => client.query('COMMIT')],
    [
      'puts another transaction in its place',
      async (client: PostgresClient) => {
        await client.query('COMMIT');
        await client.query('BEGIN');
      },
    ],
    [
      'swallows an error that broke it',
      (client: PostgresClient) => client.query('SELECT 1 / 0').catch(() => undefined),
    ],
  ])('a write that %s is refused at the pre-commit', async (_what, misbehave) => {
    const session = await open(1, {
      table: undefined,
      write: async (client: PostgresClient) => {
        await misbehave(client);
      },
    });
    await session.write([{ id: 1 }]);
    await refused(session.preCommit(attempt(1, 1), calm));
    expect(await session.listPrepared(calm)).toEqual([]);
  });
});

describe('before the first record', () => {
  test('max_prepared_transactions = 0 is refused with the statement that mends it', async () => {
    const bare = await startPostgres({ maxPreparedTransactions: 0 });
    try {
      await bare.query('CREATE TABLE target (id int)');
      const failure = await refused(open(1, { pool: bare.pool() }));
      expect(failure).toMatchObject({ code: 'TIDEGATE_POSTGRES_PREPARED_OFF' });
      expect(failure.message).toContain('ALTER SYSTEM SET max_prepared_transactions');
      const other = await open(1, { pool: bare.pool(), durability: 'last-resource' });
      expect(await other.commit(await prepare(other, 1, [1]), calm)).toBe('applied');
    } finally {
      await bare.stop();
    }
  }, 60_000);

  test('missing rights are named with the GRANT', async () => {
    await server.createRole('guest');
    const guest = server.pool(server.settings('guest'));
    const table = await refused(open(1, { pool: guest }));
    expect(table.message).toContain('GRANT INSERT ON public.target TO "guest"');
    await server.query('GRANT INSERT ON target TO guest');
    const schema = await refused(open(1, { pool: guest }));
    expect(schema.message).toContain('CREATE SCHEMA "tidegate" AUTHORIZATION "guest"');
    await server.query('CREATE SCHEMA tidegate AUTHORIZATION guest');
    const session = await open(1, { pool: guest });
    expect(await session.commit(await prepare(session, 1, [1]), calm)).toBe('applied');
  });

  test.each([
    [
      'a missing table',
      { table: 'nowhere' },
      'TIDEGATE_POSTGRES_TABLE',
      /"nowhere" does not exist/,
    ],
    [
      'a wrong column',
      { columns: ['idd'] },
      'TIDEGATE_POSTGRES_COLUMN',
      /no column idd; it has id/,
    ],
    [
      'a key without index',
      { key: ['id'], table: 'plain' },
      'TIDEGATE_POSTGRES_TABLE',
      /CREATE UNIQUE/,
    ],
    [
      'a key whose index is checked late',
      { key: ['id'], table: 'late' },
      'TIDEGATE_POSTGRES_TABLE',
      /late_id_key.* is deferrable.*DROP CONSTRAINT.*CREATE UNIQUE/,
    ],
    [
      'a key whose index was not finished',
      { key: ['id'], table: 'unfinished' },
      'TIDEGATE_POSTGRES_TABLE',
      /unfinished_id_key.* is not valid.*REINDEX INDEX/,
    ],
    ['an unlogged table', { table: 'loose' }, 'TIDEGATE_POSTGRES_TABLE', /SET LOGGED/],
  ])('%s is refused', async (_what, options, code, message) => {
    await server.query(
      `CREATE TABLE IF NOT EXISTS plain (id int); CREATE UNLOGGED TABLE IF NOT EXISTS loose (id int);
       CREATE TABLE IF NOT EXISTS late (id int UNIQUE DEFERRABLE);
       CREATE TABLE IF NOT EXISTS unfinished (id int UNIQUE);
       UPDATE pg_index SET indisvalid = false WHERE indrelid = 'unfinished'::regclass`,
    );
    const failure = await refused(open(1, options));
    expect(failure).toMatchObject({ code });
    expect(failure.message).toMatch(message);
  });

  test('an index that was not finished is no trouble beside one that was', async () => {
    await server.query(
      `DROP TABLE IF EXISTS unfinished; CREATE TABLE unfinished (id int UNIQUE);
       UPDATE pg_index SET indisvalid = false WHERE indrelid = 'unfinished'::regclass;
       CREATE UNIQUE INDEX ON unfinished (id)`,
    );
    const session = await open(1, { key: ['id'], table: 'unfinished' });
    expect(await session.commit(await prepare(session, 1, [1]), calm)).toBe('applied');
  });

  test('a refused connection says where to look', async () => {
    const nobody = server.pool({ ...server.settings(), port: 1 });
    const failure = await refused(open(1, { pool: nobody }));
    expect(failure).toMatchObject({ code: 'TIDEGATE_POSTGRES_UNREACHABLE' });
    expect(failure.message).toMatch(/ECONNREFUSED.*Check host and port/);
  });

  test('a wrong password is refused without being told to anybody', async () => {
    const strict = await startPostgres();
    try {
      await strict.query(`CREATE ROLE locked LOGIN PASSWORD 'another'`);
      await strict.requirePasswords();
      const locked = strict.pool(strict.settings('locked'));
      const failure = await refused(open(1, { pool: locked }));
      expect(failure).toMatchObject({ code: 'TIDEGATE_POSTGRES_LOGIN', kind: 'invalid' });
      expect(failure.message).toContain('Check user and password');
    } finally {
      await strict.stop();
    }
  }, 60_000);

  test('another store under the same pipeline name is refused, naming both', async () => {
    await open(1);
    const sink = postgresSink<Row>({ pool, table: 'target' });
    const failure = await refused(sink.open(ownerOf(2, secondStore), calm));
    expect(failure.message).toContain(ownerOf(1).storeId);
    expect(failure.message).toContain(secondStore);
    await refused(sink.openReadOnly({ ...ownerOf(2, secondStore) }, calm));
  });

  test('two sinks of one pipeline that upsert into one table are refused', async () => {
    await open(1, { key: ['id'] });
    const other = postgresSink<Row>({ pool, table: 'target', key: ['id'] });
    const failure = await refused(other.open({ ...ownerOf(1), sink: 'second' }, calm));
    expect(failure).toMatchObject({ code: 'TIDEGATE_POSTGRES_SHARED_TABLE' });
  });
});

describe('the idempotent upsert sink', () => {
  test('writes an epoch in one transaction, and again with the same effect', async () => {
    const sink = postgresUpsertSink<Row>({ pool, table: 'target', key: ['id'], chunkBytes: 1 });
    const first = await sink.open(ownerOf(1), calm);
    await first.write([{ id: 1 }]);
    await first.write([{ id: 2 }]);
    expect(await rows()).toEqual([]);
    await first.flush(calm);
    expect(await rows()).toEqual([1, 2]);
    const again = await sink.open(ownerOf(2), calm);
    await again.write([{ id: 2 }, { id: 3 }]);
    await again.flush(calm);
    await again.flush(calm);
    expect(await rows()).toEqual([1, 2, 3]);
  });

  test('an older owner can no longer flush, so no key goes back in time', async () => {
    const sink = postgresUpsertSink<Row>({ pool, table: 'target', key: ['id'] });
    const older = await sink.open(ownerOf(1), calm);
    await older.write([{ id: 1 }]);
    await sink.open(ownerOf(2), calm);
    await refused(Promise.resolve(older.flush(calm)));
    expect(await rows()).toEqual([]);
  });
});

describe('values', () => {
  const record = {
    id: 9_007_199_254_740_993n,
    text: 'tab\tnewline\nreturn\rback\\slash "quotes" \\N ünï 🌊',
    empty: '',
    nothing: null,
    flag: true,
    ratio: -0.1,
    at: new Date('2026-01-02T03:04:05.678Z'),
    bytes: new Uint8Array([0, 92, 255]),
    list: ['a,b', '{"x"}', null, '\\'],
    grid: [
      [1, 2],
      [3, 4],
    ],
    json: { deep: ['\\', 'tab\t', null] },
    scalar: 'a json text',
  };
  const columns = `(id bigint PRIMARY KEY, text text, empty text, nothing text, flag boolean,
    ratio double precision, at timestamptz, bytes bytea, list text[], grid int[], json jsonb, scalar json)`;

  test.each([
    ['COPY', {}],
    ['an upsert', { key: ['id'] }],
  ])('come back from %s as they went in', async (_how, mode) => {
    await server.query(`DROP TABLE IF EXISTS wide; CREATE TABLE wide ${columns}`);
    const session = await open(1, { table: 'wide', ...mode });
    await session.write([record] as never);
    const { handle } = await session.preCommit(attempt(1, 1), calm);
    await session.commit(handle, calm);
    const [row] = await server.query('SELECT * FROM wide');
    expect(row).toEqual({ ...record, id: record.id.toString(), bytes: Buffer.from(record.bytes) });
  });

  test('the last record of a key wins, within an epoch and over an older one', async () => {
    await server.query(
      'DROP TABLE IF EXISTS pairs; CREATE TABLE pairs (id int PRIMARY KEY, n int)',
    );
    const session = await open(1, { table: 'pairs', key: ['id'], chunkBytes: 64 });
    for (const [sequence, numbers] of [[1, [1, 2, 3]] as const, [2, [4, 5]] as const]) {
      const all = numbers.flatMap((n) => [{ id: 1, n } as Row, { id: 2, n: -n } as Row]);
      await session.write(all);
      const { handle } = await session.preCommit(attempt(1, sequence, sequence), calm);
      await session.commit(handle, calm);
    }
    expect(await server.query('SELECT * FROM pairs ORDER BY id')).toEqual([
      { id: 1, n: 5 },
      { id: 2, n: -5 },
    ]);
  });

  test.each([
    ['a value of the wrong type', { id: 'secret-value' }, /does not fit column id/],
    ['a property that is no column', { id: 1, idd: 2 }, /has idd, which is none of/],
    ['half of a surrogate pair', { id: '\ud800' }, /not Unicode/],
    ['an object where a number belongs', { id: {} }, /given an object/],
  ])('%s is refused without being quoted', async (_what, wrong, message) => {
    const session = await open(1);
    const failure = await refused(
      Promise.resolve(session.write([wrong as never])).then(() =>
        session.preCommit(attempt(1, 1), calm),
      ),
    );
    expect(failure).toMatchObject({ code: 'TIDEGATE_POSTGRES_ROW' });
    expect(failure.message).toMatch(message);
    expect(inspect(failure, { depth: 10 })).not.toContain('secret-value');
  });
});

async function open(
  generation: number,
  options: Readonly<Record<string, unknown>> = {},
): Promise<TwoPhaseSinkSession<Row>> {
  const sink: TwoPhaseSink<Row> = postgresSink<Row>({ pool, table: 'target', ...options });
  return sink.open(ownerOf(generation), calm);
}

async function prepare(
  session: TwoPhaseSinkSession<Row>,
  sequence: number,
  ids: readonly number[],
  generation = 1,
): Promise<string> {
  await session.write(ids.map((id) => ({ id })));
  return (await session.preCommit(attempt(generation, sequence), calm)).handle;
}

/** Markers of checkpoints below all that a test commits. */
async function markOlder(count: number): Promise<void> {
  await server.query(
    `INSERT INTO tidegate.sink_marker SELECT 'conformance', 'out', number, $1, 1, number
       FROM generate_series(1, $2::int) AS number`,
    [ownerOf(1).storeId, count],
  );
}

async function markers(): Promise<unknown> {
  const [row] = await server.query('SELECT count(*)::int FROM tidegate.sink_marker');
  return row?.count;
}

async function rows(): Promise<readonly unknown[]> {
  return (await server.query('SELECT id FROM target ORDER BY id')).map(({ id }) => id);
}

async function restart(): Promise<void> {
  await server.kill();
  await server.start();
}

async function refused(call: Promise<unknown>): Promise<Error> {
  const outcome = await call.then(() => undefined, toError);
  if (outcome === undefined) throw new Error('the call was not refused');
  seenErrors.push(outcome);
  return outcome;
}

/** A pool whose clients stop before the first statement that begins with `text`. */
function pausing(
  inner: Pool,
  text: string,
): { pool: PgPool; reached: Promise<void>; goOn(): void } {
  let reach = (): void => undefined;
  let goOn = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const released = new Promise<void>((resolve) => (goOn = resolve));
  const paused = intercept(inner, async (statement, run) => {
    if (statement.startsWith(text)) {
      reach();
      await released;
    }
    return run();
  });
  return { pool: paused, reached, goOn: () => goOn() };
}

/** A pool that, once begun, loses the answer to a statement after the server has given it. */
function losingAnswer(inner: Pool, text: string): { pool: PgPool; begin(): void } {
  let isOn = false;
  const deaf = intercept(inner, async (statement, run) => {
    const answer = await run();
    if (isOn && statement.startsWith(text)) throw new Error('Connection terminated unexpectedly');
    return answer;
  });
  return { pool: deaf, begin: () => (isOn = true) };
}

function intercept(
  inner: Pool,
  around: (statement: string, run: () => Promise<unknown>) => Promise<unknown>,
): PgPool {
  return {
    connect: async () => {
      const client = await inner.connect();
      const query = (statement: unknown, values?: unknown[]): unknown => {
        if (typeof statement !== 'string') return client.query(statement as never);
        return around(statement, () => client.query(statement, values));
      };
      return { ...bound(client), query } as never;
    },
  };
}

function bound(client: PoolClient): Record<string, unknown> {
  const names = ['query', 'release', 'on', 'removeListener'] as const;
  return Object.fromEntries(
    names.map((name) => [name, (client[name] as (...all: unknown[]) => unknown).bind(client)]),
  );
}
