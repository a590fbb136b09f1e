// What two phases are for: two databases that get every record once, or neither of them does.
//
// The second database refuses a row. Both roll back, the loop is put back to the last checkpoint, and
// the row goes in again when the table takes it.

import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { CheckpointCoordinator, MemoryCheckpointStore } from 'tidegate';
import type { CheckpointStore, Clock, Random, TwoPhaseSink } from 'tidegate/extend';
import { PgliteDatabase } from 'tidegate/pglite';
import { postgresSink } from 'tidegate/postgres';

export interface Payment {
  readonly id: number;
  readonly amount: number;
}

export interface Surroundings {
  readonly store: CheckpointStore;
  readonly payments: readonly Payment[];
  readonly ledger: TwoPhaseSink<Payment>;
  readonly audit: TwoPhaseSink<Payment>;
  /** Called with where the loop goes on after a failure. */
  readonly onRewound?: (processed: number) => void | Promise<void>;
  readonly onFailed?: () => void | Promise<void>;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The coordinator and the loop, whatever they run on: the test that crashes them gives others. */
export function buildPayments(surroundings: Surroundings) {
  const { payments, store, ledger, audit, onRewound, onFailed, ...ports } = surroundings;
  let processed = 0;
  const coordinator = new CheckpointCoordinator({
    ...ports,
    pipeline: 'payments',
    store,
    sources: {
      payments: {
        position: () => ({ index: String(processed) }),
        restore: (offsets) => {
          processed = Number(offsets.index ?? 0);
        },
      },
    },
    sinks: { ledger, audit },
    checkpoint: { intervalMs: 0 },
  });

  const run = async (): Promise<void> => {
    await coordinator.start();
    for (;;) {
      const point = await coordinator.safePoint();
      if (point.kind === 'rewound') await onRewound?.(processed);
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
      if (outcome.kind === 'failed') await onFailed?.();
    }
    await coordinator.stop();
  };
  return { coordinator, run };
}

async function main(): Promise<void> {
  console.log('starting two embedded PostgreSQL …');
  const ledger = new PgliteDatabase({ PGlite });
  const audit = new PgliteDatabase({ PGlite });
  await ledger.run('CREATE TABLE payment (id int, amount int)');
  await audit.run('CREATE TABLE payment (id int, amount int CHECK (amount < 100))');

  const { coordinator, run } = buildPayments({
    store: new MemoryCheckpointStore(),
    payments: Array.from({ length: 12 }, (_, id) => ({ id, amount: id * 10 })),
    ledger: postgresSink<Payment>({ database: ledger, table: 'payment' }),
    audit: postgresSink<Payment>({ database: audit, table: 'payment' }),
    onRewound: async (processed) => {
      const rows = `ledger ${await count(ledger)}, audit ${await count(audit)}`;
      console.log(`back at payment ${processed}; ${rows}`);
    },
    onFailed: async () => {
      console.log('the audit refused a row, so the ledger did not keep its rows either');
      await audit.run('ALTER TABLE payment DROP CONSTRAINT payment_amount_check');
    },
  });
  coordinator.events.on('checkpoint-completed', ({ epoch }) => {
    console.log(`epoch ${epoch} is committed in both`);
  });
  await run();

  console.log(`in the end: ledger ${await count(ledger)}, audit ${await count(audit)}`);
  await ledger.close();
  await audit.close();
}

async function count(database: PgliteDatabase): Promise<string> {
  const [row] = await database.query('SELECT count(*)::text AS rows FROM payment');
  return String(row?.rows);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
