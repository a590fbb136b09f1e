// The loops of the PostgreSQL examples, crashed at every call that their sinks are given.

import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CheckpointCoordinator } from '../../src/index.js';
import { PgliteDatabase, postgresSink } from '../../src/connectors/postgres/index.js';
import type { TwoPhaseSink } from '../../src/contracts/sink.js';
import { crashEverywhere, type Crashable, type World } from '../../src/testing/index.js';

interface Payment {
  readonly id: number;
}

const input: readonly Payment[] = [1, 2, 3, 4, 5].map((id) => ({ id }));
const seed = 20_261;
const schedulesMax = 40;
const database = new PgliteDatabase({ PGlite });

beforeAll(() => database.query('SELECT 1').then(() => undefined), 120_000);
afterAll(() => database.close());

/** Two tables, two sinks: `second` is a table as well, or a simulated sink of another system. */
function twoSinks(world: World, durability: TwoPhaseSink['durability']): Crashable {
  const payments = world.source<Payment>('payments');
  const table = (name: string) =>
    postgresSink<Payment>({ database, table: name, durability: 'durable' });
  const ledger = world.wrap('ledger', table('ledger'));
  const second: TwoPhaseSink<Payment> =
    durability === 'durable'
      ? world.wrap('second', table('audit'))
      : (world.sink('second', durability) as TwoPhaseSink<Payment>);
  const coordinator = new CheckpointCoordinator({
    pipeline: 'payments',
    store: world.store,
    clock: world.clock,
    random: world.random,
    sources: { payments },
    sinks: { ledger, second },
    checkpoint: { intervalMs: 150 },
  });
  const run = async (): Promise<void> => {
    await coordinator.start();
    for await (const payment of payments) {
      const point = await coordinator.safePoint();
      if (point.kind === 'rewound') continue;
      await point.sinks.ledger.write([payment]);
      await point.sinks.second.write([payment]);
    }
    await coordinator.stop();
  };
  return { coordinator, run };
}

describe.each([
  ['two tables', 'durable', ['ledger', 'audit']],
  ['a table behind a last-resource sink', 'last-resource', ['ledger']],
] as const)('%s', (_what, durability, tables) => {
  test('hold every payment once, wherever the process is killed', async () => {
    const wrong: unknown[] = [];
    let runs = 0;
    const look = async (): Promise<void> => {
      if (runs === 0) return;
      for (const table of tables) {
        const rows = await database.query(`SELECT id FROM ${table} ORDER BY id`);
        const found = rows.map(({ id }) => id);
        if (found.join() !== input.map(({ id }) => id).join()) wrong.push({ runs, table, found });
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
        `DROP SCHEMA IF EXISTS tidegate CASCADE; DROP TABLE IF EXISTS ledger, audit;
         CREATE TABLE ledger (id int); CREATE TABLE audit (id int)`,
      );
    };
    const report = await crashEverywhere((world) => twoSinks(world, durability), {
      input,
      beforeEach,
      crashes: 2,
      schedulesMax,
      seed,
      faults: ['kill-before', 'kill-after', 'fail-before', 'fail-after', 'answer-lost'],
    });
    await look();
    expect({ seed, found: report.violations, wrong }).toEqual({ seed, found: [], wrong: [] });
    expect(report.schedules).toBeGreaterThan(schedulesMax / 2);
  }, 300_000);
});
