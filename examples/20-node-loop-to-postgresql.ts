// A plain Node loop into PostgreSQL, in two phases: totals of orders, in a table that is there afterwards.
//
// The database is embedded here, so that this runs by itself; with a server give `pool` instead of
// `database`.

import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { CheckpointCoordinator, jsonState, MemoryCheckpointStore } from 'tidegate';
import type { CheckpointStore, Clock, Random, TwoPhaseSink } from 'tidegate/extend';
import { PgliteDatabase } from 'tidegate/pglite';
import { postgresSink } from 'tidegate/postgres';

export interface Order {
  readonly account: string;
  readonly amount: number;
}

export interface Surroundings {
  readonly store: CheckpointStore;
  readonly orders: readonly Order[];
  readonly warehouse: TwoPhaseSink<Order>;
  readonly intervalMs: number;
  /** Called after each order. */
  readonly onProcessed?: (count: number) => void | Promise<void>;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The coordinator and the loop, whatever they run on: the test that crashes them gives others. */
export function buildTotals(surroundings: Surroundings) {
  const { orders, store, warehouse, intervalMs, onProcessed, ...ports } = surroundings;
  let processed = 0;
  let totals: Record<string, number> = {};
  const coordinator = new CheckpointCoordinator({
    ...ports,
    pipeline: 'orders',
    store,
    sources: {
      orders: {
        position: () => ({ index: String(processed) }),
        restore: (offsets) => {
          processed = Number(offsets.index ?? 0);
        },
      },
    },
    operators: {
      totals: jsonState(
        () => totals,
        (saved) => {
          totals = saved;
        },
      ),
    },
    sinks: { warehouse },
    checkpoint: { intervalMs },
  });

  const run = async (): Promise<void> => {
    await coordinator.start();
    while (processed < orders.length) {
      const point = await coordinator.safePoint();
      const order = orders[processed];
      if (point.kind === 'rewound' || order === undefined) continue;
      const amount = (totals[order.account] ?? 0) + order.amount;
      totals[order.account] = amount;
      await point.sinks.warehouse.write([{ account: order.account, amount }]);
      processed += 1;
      await onProcessed?.(processed);
    }
    await coordinator.stop();
  };
  return { coordinator, run };
}

async function main(): Promise<void> {
  console.log('starting an embedded PostgreSQL …');
  const database = new PgliteDatabase({ PGlite });
  await database.run('CREATE TABLE total (account text PRIMARY KEY, amount bigint)');
  const rows = async (): Promise<string> => {
    const found = await database.query('SELECT account, amount::text FROM total ORDER BY account');
    return JSON.stringify(found);
  };

  const { coordinator, run } = buildTotals({
    store: new MemoryCheckpointStore(),
    orders: Array.from({ length: 30 }, (_, index) => ({
      account: ['ann', 'bob', 'eve'][index % 3] ?? 'ann',
      amount: index + 1,
    })),
    warehouse: postgresSink<Order>({ database, table: 'total', key: ['account'] }),
    intervalMs: 0,
    onProcessed: async (count) => {
      if (count !== 15) return;
      console.log('prepared and not yet committed rows are invisible:', await rows());
    },
  });
  console.log(`this pipeline is ${coordinator.guarantee.level}`);
  await run();

  console.log('after the final checkpoint:', await rows());
  console.log('markers:', await database.query('SELECT count(*)::text FROM tidegate.sink_marker'));
  await database.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
