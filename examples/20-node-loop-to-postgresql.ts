// A plain Node loop into PostgreSQL, in two phases: totals of orders, in a table that is there afterwards.
//
// The database is embedded here, so that this runs by itself; with a server give `pool` instead of
// `database`.

import { PGlite } from '@electric-sql/pglite';
import { CheckpointCoordinator, jsonState, MemoryCheckpointStore } from 'tidegate';
import { PgliteDatabase, postgresSink } from 'tidegate/postgres';

interface Order {
  readonly account: string;
  readonly amount: number;
}

const orders: readonly Order[] = Array.from({ length: 30 }, (_, index) => ({
  account: ['ann', 'bob', 'eve'][index % 3] ?? 'ann',
  amount: index + 1,
}));

console.log('starting an embedded PostgreSQL …');
const database = new PgliteDatabase({ PGlite });
await database.run('CREATE TABLE total (account text PRIMARY KEY, amount bigint)');

let processed = 0;
let totals: Record<string, number> = {};
const coordinator = new CheckpointCoordinator({
  pipeline: 'orders',
  store: new MemoryCheckpointStore(),
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
  sinks: { warehouse: postgresSink<Order>({ database, table: 'total', key: ['account'] }) },
  checkpoint: { intervalMs: 0 },
});
console.log(`this pipeline is ${coordinator.guarantee.level}`);
await coordinator.start();

while (processed < orders.length) {
  const point = await coordinator.safePoint();
  const order = orders[processed];
  if (point.kind === 'rewound' || order === undefined) continue;
  const amount = (totals[order.account] ?? 0) + order.amount;
  totals[order.account] = amount;
  await point.sinks.warehouse.write([{ account: order.account, amount }]);
  processed += 1;
  if (processed === 15) {
    console.log('prepared and not yet committed rows are invisible:', await rows());
  }
}
await coordinator.stop();

console.log('after the final checkpoint:', await rows());
console.log('markers:', await database.query('SELECT count(*)::text FROM tidegate.sink_marker'));
await database.close();

async function rows(): Promise<string> {
  const found = await database.query('SELECT account, amount::text FROM total ORDER BY account');
  return JSON.stringify(found);
}
