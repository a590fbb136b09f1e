// What two phases are for: two databases that get every record once, or neither of them does.
//
// The second database refuses a row. Both roll back, the loop is put back to the last checkpoint, and
// the row goes in again when the table takes it.

import { PGlite } from '@electric-sql/pglite';
import { CheckpointCoordinator, MemoryCheckpointStore } from 'tidegate';
import { PgliteDatabase, postgresSink } from 'tidegate/postgres';

interface Payment {
  readonly id: number;
  readonly amount: number;
}

const payments: readonly Payment[] = Array.from({ length: 12 }, (_, id) => ({
  id,
  amount: id * 10,
}));

console.log('starting two embedded PostgreSQL …');
const ledger = new PgliteDatabase({ PGlite });
const audit = new PgliteDatabase({ PGlite });
await ledger.run('CREATE TABLE payment (id int, amount int)');
await audit.run('CREATE TABLE payment (id int, amount int CHECK (amount < 100))');

let processed = 0;
const coordinator = new CheckpointCoordinator({
  pipeline: 'payments',
  store: new MemoryCheckpointStore(),
  sources: {
    payments: {
      position: () => ({ index: String(processed) }),
      restore: (offsets) => {
        processed = Number(offsets.index ?? 0);
      },
    },
  },
  sinks: {
    ledger: postgresSink<Payment>({ database: ledger, table: 'payment' }),
    audit: postgresSink<Payment>({ database: audit, table: 'payment' }),
  },
  checkpoint: { intervalMs: 0 },
});
coordinator.events.on('checkpoint-completed', ({ epoch }) => {
  console.log(`epoch ${epoch} is committed in both`);
});
await coordinator.start();

for (;;) {
  const point = await coordinator.safePoint();
  if (point.kind === 'rewound') {
    console.log(
      `back at payment ${processed}; ledger ${await count(ledger)}, audit ${await count(audit)}`,
    );
  }
  const payment = payments[processed];
  if (payment === undefined) break;
  await point.sinks.ledger.write([payment]);
  await point.sinks.audit.write([payment]);
  processed += 1;
  if (processed % 6 !== 0) continue;
  // Asked for, then taken at the safe point; what became of it is known a little later.
  const asked = coordinator.checkpoint();
  await coordinator.safePoint();
  const outcome = await asked;
  if (outcome.kind !== 'failed') continue;
  console.log('the audit refused a row, so the ledger did not keep its rows either');
  await audit.run('ALTER TABLE payment DROP CONSTRAINT payment_amount_check');
}
await coordinator.stop();

console.log(`in the end: ledger ${await count(ledger)}, audit ${await count(audit)}`);
await ledger.close();
await audit.close();

async function count(database: PgliteDatabase): Promise<string> {
  const [row] = await database.query('SELECT count(*)::text AS rows FROM payment');
  return String(row?.rows);
}
