// The loops of the PostgreSQL examples, crashed at every call that their sinks are given.

import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TwoPhaseSink } from 'tidegate/extend';
import { PgliteDatabase } from 'tidegate/pglite';
import { postgresSink } from 'tidegate/postgres';
import { crashEverywhere, type Build, type World } from 'tidegate/testing';
import { buildTotals, type Order } from '../../examples/20-node-loop-to-postgresql.js';
import { buildPayments, type Payment } from '../../examples/21-two-databases-at-once.js';

const seed = 20_261;
const maxSchedules = 40;
const database = new PgliteDatabase({ PGlite });

beforeAll(() => database.query('SELECT 1').then(() => undefined), 120_000);
afterAll(() => database.close());

test('20: totals are what they have to be, wherever the process is killed', async () => {
  const orders: readonly Order[] = [3, 5, 8, 13, 21].map((amount, index) => ({
    account: index % 2 === 0 ? 'ann' : 'bob',
    amount,
  }));
  const build: Build = (world) =>
    buildTotals({
      ...portsOf(world),
      orders,
      intervalMs: 150,
      warehouse: world.wrap(
        'warehouse',
        postgresSink<Order>({ database, table: 'total', key: ['account'], durability: 'durable' }),
      ),
      onProcessed: () => new Promise((resolve) => void world.clock.setTimer(resolve, 100)),
    });
  await expectKept(
    build,
    { total: 'account text PRIMARY KEY, amount bigint' },
    {
      'SELECT account, amount::int FROM total ORDER BY account': [
        { account: 'ann', amount: 32 },
        { account: 'bob', amount: 18 },
      ],
    },
  );
}, 300_000);

const payments: readonly Payment[] = Array.from({ length: 8 }, (_, id) => ({ id, amount: id }));

test('21: two tables hold every payment once, wherever the process is killed', async () => {
  const build: Build = (world) =>
    buildPayments({
      ...portsOf(world),
      payments,
      ledger: world.wrap('ledger', tableSink('ledger')),
      audit: world.wrap('audit', tableSink('audit')),
    });
  const columns = 'id int, amount int';
  await expectKept(
    build,
    { ledger: columns, audit: columns },
    {
      'SELECT * FROM ledger ORDER BY id': payments,
      'SELECT * FROM audit ORDER BY id': payments,
    },
  );
}, 300_000);

test('21: the same behind a last-resource sink in the place of the second table', async () => {
  const build: Build = (world) =>
    buildPayments({
      ...portsOf(world),
      payments,
      ledger: world.wrap('ledger', tableSink('ledger')),
      audit: world.sink('audit', 'last-resource') as TwoPhaseSink<Payment>,
    });
  await expectKept(
    build,
    { ledger: 'id int, amount int' },
    {
      'SELECT * FROM ledger ORDER BY id': payments,
    },
  );
}, 300_000);

function portsOf({ store, clock, random }: World): Pick<World, 'store' | 'clock' | 'random'> {
  return { store, clock, random };
}

function tableSink(table: string): TwoPhaseSink<Payment> {
  return postgresSink<Payment>({ database, table, durability: 'durable' });
}

/** Crashes the loop again and again on empty tables, and asks after each run what they hold. */
async function expectKept(
  build: Build,
  tables: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, readonly unknown[]>>,
): Promise<void> {
  const create = Object.entries(tables).map(
    ([name, columns]) => `CREATE TABLE ${name} (${columns})`,
  );
  const wrong: unknown[] = [];
  let runs = 0;
  const look = async (): Promise<void> => {
    if (runs === 0) return;
    for (const [query, rows] of Object.entries(expected)) {
      const found = await database.query(query);
      if (JSON.stringify(found) !== JSON.stringify(rows)) wrong.push({ runs, query, found });
    }
    const left = await database.query('SELECT gid FROM pg_prepared_xacts');
    if (left.length > 0) wrong.push({ runs, left });
  };
  const beforeEach = async (): Promise<void> => {
    await look();
    runs += 1;
    for (const { gid } of await database.query('SELECT gid FROM pg_prepared_xacts')) {
      await database.query(`ROLLBACK PREPARED '${String(gid)}'`);
    }
    await database.run(
      `DROP SCHEMA IF EXISTS tidegate CASCADE;
       DROP TABLE IF EXISTS ${Object.keys(tables).join(', ')}; ${create.join('; ')}`,
    );
  };
  const report = await crashEverywhere(build, {
    input: [],
    beforeEach,
    crashes: 2,
    maxSchedules,
    seed,
    faults: ['kill-before', 'kill-after', 'fail-before', 'fail-after', 'answer-lost'],
  });
  await look();
  expect({ seed, found: report.violations, wrong }).toEqual({ seed, found: [], wrong: [] });
  expect(report.schedules).toBeGreaterThan(maxSchedules / 2);
}
