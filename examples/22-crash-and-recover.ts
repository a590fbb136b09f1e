// A process that ends between the two phases, and the next one that finds what it had prepared.
//
// The first life prepares an epoch and ends before it commits: the manifest says "in doubt". The next
// life asks the database, commits what is prepared, and goes on behind it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { FileSystemCheckpointStore, Pipeline, arraySource } from 'tidegate';
import { PgliteDatabase } from 'tidegate/pglite';
import { postgresSink } from 'tidegate/postgres';
import type { TwoPhaseSink } from 'tidegate/extend';

interface Reading {
  readonly id: number;
}

const readings: readonly Reading[] = Array.from({ length: 1_000 }, (_, id) => ({ id }));
const room = mkdtempSync(join(tmpdir(), 'tidegate-example-'));
console.log('starting an embedded PostgreSQL …');
const database = new PgliteDatabase({ PGlite });
await database.run('CREATE TABLE reading (id int)');

/** Ends its life, as far as tidegate can tell, when it is asked to commit. */
function dyingAtCommit(sink: TwoPhaseSink<Reading>, die: () => void): TwoPhaseSink<Reading> {
  return {
    ...sink,
    open: async (owner, options) => {
      const session = await sink.open(owner, options);
      session.commit = () => {
        die();
        return Promise.reject(new Error('the process is gone'));
      };
      return session;
    },
  };
}

function life(sink: TwoPhaseSink<Reading>, signal?: AbortSignal): ReturnType<Pipeline['prepare']> {
  const pipeline = new Pipeline('readings');
  pipeline.source('meter', arraySource(readings)).to('warehouse', sink);
  return pipeline.prepare({
    store: new FileSystemCheckpointStore(join(room, 'checkpoints')),
    liveOwner: 'take-over',
    handleSignals: false,
    checkpoint: { inDoubtPolicy: 'roll-forward' },
    ...(signal === undefined ? {} : { signal }),
  });
}

const sink = (): TwoPhaseSink<Reading> => postgresSink<Reading>({ database, table: 'reading' });
let hasDied = (): void => undefined;
const death = new Promise<void>((resolve) => {
  hasDied = resolve;
});
const first = life(dyingAtCommit(sink(), () => hasDied()));
const abandoned = first.run().catch(() => undefined);
await death;
await first.coordinator[Symbol.asyncDispose]();
await abandoned;
console.log('the first life has ended between prepare and commit:', await counts());

const second = life(sink());
second.coordinator.events.on('recovery-ended', ({ decision }) => {
  console.log('the second life decided:', decision);
});
const { outcome } = await second.run();
console.log(`the second life has ${outcome}:`, await counts());
await database.close();
rmSync(room, { recursive: true, force: true });

async function counts(): Promise<string> {
  const [row] = await database.query(
    `SELECT (SELECT count(*) FROM reading)::text AS visible,
       (SELECT count(*) FROM pg_prepared_xacts)::text AS prepared`,
  );
  return JSON.stringify(row);
}
