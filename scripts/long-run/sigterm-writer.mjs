// The process that is told to stop: writes numbers to PostgreSQL, and tells where it is.
//
//   node --import tsx scripts/long-run/sigterm-writer.mjs <address> <store> <step to stand still at>

import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { postgresSink } from '../../src/connectors/postgres/index.ts';
import { FileSystemCheckpointStore, iterableSource, Pipeline } from '../../src/index.ts';

const [, , address, store, standAt] = process.argv;
const pool = new pg.Pool({ connectionString: address, connectionTimeoutMillis: 2_000 });
pool.on('error', () => undefined);
let isAsked = false;
process.on('SIGTERM', () => (isAsked = true));

const numbers = iterableSource({
  open: async function* (first, { signal }) {
    for (let id = first; !signal.aborted; id++) {
      await delay(2);
      yield { id };
    }
  },
});
const pipeline = new Pipeline('sigterm');
pipeline.source('numbers', numbers).to('out', postgresSink({ pool, table: 'numbers' }));
const run = pipeline.prepare({
  store: new FileSystemCheckpointStore(store),
  checkpoint: { intervalMs: 200 },
});
const tell = (line) => writeSync(1, `${line}\n`);
const { events } = run.coordinator;
events.on('recovery-waiting', () => tell('recovery-waiting'));
events.on('sink-not-committed', () => tell('sink-not-committed'));
events.on('checkpoint-completed', () => tell('checkpoint-completed'));
let completed = 0;
events.on('checkpoint-completed', () => (completed += 1));
events.on('step-started', ({ step }) => {
  const isHere =
    standAt === 'final' ? isAsked && step === 'pre-commit' : step === standAt && completed === 2;
  if (!isHere) return;
  tell('stands still');
  // Nothing of this process runs meanwhile, so that the server is gone when the step begins.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
  tell('goes on');
});
try {
  tell(`ended as ${(await run.run()).outcome}`);
} catch (error) {
  tell(`ended with ${error.code}`);
}
await pool.end();
