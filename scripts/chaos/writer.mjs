// The process that is killed: a pipeline with two durable sinks that can end itself at a chosen point.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { aimed, watchedFiles, watchedPool } from './points.mjs';

const { library, room, database, aim, untilRow } = JSON.parse(process.argv[2]);
const load = (path) => import(join(library, path));
const { FileSystemCheckpointStore, Pipeline } = await load('index.js');
const { fileSink, nodeFileSystem } = await load('connectors/files/index.js');
const { postgresSink } = await load('connectors/postgres/index.js');

const batchRows = 50;
const batchEveryMs = 10;

/** Rows in small batches with pauses, and no further than `untilRow`: kills spread over the input. */
function pacedSource() {
  const lines = readFileSync(join(room, 'rows.jsonl'), 'utf8').trimEnd().split('\n');
  let next = 0;
  return {
    position: () => ({ row: String(next) }),
    restore: ({ row }) => {
      next = Number(row ?? 0);
    },
    async *read({ signal }) {
      for (let row = next; row < lines.length && !signal.aborted;) {
        const end = Math.min(row + batchRows, untilRow, lines.length);
        const records = lines.slice(row, end).map((line) => JSON.parse(line));
        row = Math.max(row, end);
        if (records.length > 0) yield { records, offsets: { row: String(row) } };
        await delay(batchEveryMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

const around = aimed(aim);
const fileSystem = watchedFiles(around, nodeFileSystem);
const pipeline = new Pipeline('chaos');
const flights = pipeline.source('flights', pacedSource());
flights.to('table', postgresSink({ pool: watchedPool(around, database), table: 'flight' }));
flights.to('files', fileSink({ directory: join(room, 'archive'), fileSystem }));
const run = pipeline.prepare({
  store: new FileSystemCheckpointStore(join(room, 'checkpoints'), { fileSystem }),
  liveOwner: 'take-over',
  handleSignals: false,
  checkpoint: { intervalMs: 50, tolerableFailures: 1_000 },
});
run.coordinator.events.on('recovery-ended', () => process.stdout.write('ready\n'));
try {
  const { outcome } = await run.run();
  process.stdout.write(`${outcome}\n`);
  process.exit(0);
} catch (error) {
  for (let one = error; one !== undefined; one = one.cause) {
    process.stdout.write(`ended by ${one.code ?? one.name}: ${one.message}\n`);
  }
  process.exit(3);
}
