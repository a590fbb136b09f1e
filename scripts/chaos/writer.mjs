// The process that is killed: a pipeline with two durable sinks that can end itself at a chosen point.

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

const { library, room, database, aim, untilRow } = JSON.parse(process.argv[2]);
const load = (path) => import(join(library, path));
const { FileSystemCheckpointStore, Pipeline } = await load('index.js');
const { fileSink, nodeFileSystem } = await load('connectors/files/index.js');
const { postgresSink } = await load('connectors/postgres/index.js');

const batchRows = 50;
const batchEveryMs = 10;

/** Called at every durable action, before and after; the chosen one is the last. */
let met = 0;
function at(point) {
  if (aim === undefined || aim.point !== point) return;
  met += 1;
  if (met === aim.occurrence) process.kill(process.pid, aim.signal);
}

async function around(action, run) {
  at(`${action}, before`);
  const answer = await run();
  at(`${action}, after`);
  return answer;
}

function watchedPool() {
  const pool = new pg.Pool({ connectionString: database, max: 10 });
  pool.on('error', () => undefined);
  const actions = [
    ['PREPARE TRANSACTION', '3 table prepared'],
    ['COMMIT PREPARED', '6 table committed'],
  ];
  return {
    connect: async () => {
      const client = await pool.connect();
      const query = client.query.bind(client);
      client.query = (text, values) => {
        const [, action] = actions.find(([start]) => `${text}`.startsWith(start)) ?? [];
        return action === undefined
          ? query(text, values)
          : around(action, () => query(text, values));
      };
      const release = client.release.bind(client);
      client.release = (destroy) => {
        client.query = query;
        client.release = release;
        release(destroy);
      };
      return client;
    },
  };
}

function watchedFiles() {
  const actionOf = (to) => {
    // A new checkpoint appears with its whole directory; later only its manifest is replaced.
    if (/^checkpoint_\d+$/.test(basename(to))) return '5 manifest persisted';
    if (basename(to) === 'manifest.json') return '7 manifest saved again';
    if (to.includes('/committed/')) return '6 files committed';
    if (to.includes('/_tidegate/') && basename(to).startsWith('prepared_'))
      return '3 files prepared';
    return basename(to).startsWith('part-') && !to.includes('/_tidegate/')
      ? '6 files published'
      : undefined;
  };
  const rename = (from, to) => {
    const action = actionOf(to);
    const run = () => nodeFileSystem.rename(from, to);
    return action === undefined ? run() : around(action, run);
  };
  return { ...nodeFileSystem, rename };
}

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

const fileSystem = watchedFiles();
const pipeline = new Pipeline('chaos');
const flights = pipeline.source('flights', pacedSource());
flights.to('table', postgresSink({ pool: watchedPool(), table: 'flight' }));
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
