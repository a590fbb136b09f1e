// Rows per second through the two-phase sink against plain COPY of the same rows, and what a commit costs.
//
// Each round writes the same epochs three ways: plain COPY with a COMMIT after each; the sink with the
// commit of an epoch awaited before the next; and the sink as the coordinator uses it, where records
// of the next epoch are written while the last one is being committed.

import type { Pool } from 'pg';
import type { CheckpointId, Epoch, Generation, StoreId } from 'tidegate';
import { postgresSink } from 'tidegate/postgres';
import { PgCopyIn } from '../src/connectors/postgres/pg-copy.js';
import { startPostgres } from '../test/connectors/postgres-server.js';
import { isQuick, printRows, quantile } from './measure.js';

interface Flight {
  readonly id: number;
  readonly date: string;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

const batchRows = 500;
const rounds = isQuick ? 2 : 15;
const warmUpRounds = isQuick ? 1 : 2;
/** Epochs of each way in a round: the more rows they have, the fewer. */
const epochsOf = (epochRows: number): number => (epochRows > 10_000 ? 2 : 8);
const { signal } = new AbortController();
const columns = 'id int, date text, delay int, distance int, origin text, destination text';

// As a server runs in earnest: a commit waits for the disk.
const server = await startPostgres({ settings: ['fsync=on'] });
const pool = server.pool();
await server.query(`CREATE TABLE plain (${columns}); CREATE TABLE sunk (${columns})`);
const generation = 1 as Generation;
const session = await postgresSink<Flight>({ pool, table: 'sunk' }).open(
  { storeId: 'bench' as StoreId, pipeline: 'bench', sink: 'sunk', generation },
  { signal },
);
let sequence = 0;
const lines: string[][] = [];
for (const epochRows of isQuick ? [1_000] : [1_000, 10_000, 100_000]) {
  const flights = Array.from({ length: epochRows }, (_, id) => flight(id));
  const epochs = epochsOf(epochRows);
  const times = { plain: [] as number[], inTurn: [] as number[], overlapped: [] as number[] };
  const commits: number[] = [];
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    const plain = await timed(async () => {
      for (let epoch = 0; epoch < epochs; epoch += 1) await copyInOneTransaction(pool, flights);
    });
    const inTurn = await timed(async () => {
      for (let epoch = 0; epoch < epochs; epoch += 1) {
        await write(flights);
        const handle = await prepare();
        const commitMs = await timed(() => session.commit(handle, { signal }));
        if (round >= 0) commits.push(commitMs);
      }
    });
    const overlapped = await timed(async () => {
      let committing: Promise<unknown> = Promise.resolve();
      for (let epoch = 0; epoch < epochs; epoch += 1) {
        await write(flights);
        await committing;
        committing = session.commit(await prepare(), { signal });
      }
      await committing;
    });
    await server.query('TRUNCATE plain; TRUNCATE sunk');
    if (round < 0) continue;
    times.plain.push(plain);
    times.inTurn.push(inTurn);
    times.overlapped.push(overlapped);
  }
  const rows = epochRows * epochs;
  lines.push([
    String(epochRows),
    perSecond(rows, quantile(times.plain, 0.5)),
    perSecond(rows, quantile(times.overlapped, 0.5)),
    ratioOf(times.plain, times.overlapped),
    ratioOf(times.plain, times.inTurn),
    quantile(commits, 0.5).toFixed(2),
    quantile(commits, 0.99).toFixed(2),
  ]);
}
printRows(
  [
    'rows an epoch',
    'COPY rows/s',
    'sink rows/s',
    'sink / COPY',
    'commit awaited / COPY',
    'commit p50 ms',
    'commit p99 ms',
  ],
  lines,
);
await server.stop();
process.exit(0);

async function write(flights: readonly Flight[]): Promise<void> {
  for (let start = 0; start < flights.length; start += batchRows) {
    await session.write(flights.slice(start, start + batchRows));
  }
}

async function prepare(): Promise<string> {
  sequence += 1;
  const checkpointId = (2 ** 24 + sequence) as CheckpointId;
  const epoch = sequence as Epoch;
  const { handle } = await session.preCommit({ checkpointId, epoch, generation }, { signal });
  return handle;
}

async function copyInOneTransaction(from: Pool, flights: readonly Flight[]): Promise<void> {
  const client = await from.connect();
  await client.query('BEGIN');
  const text = flights
    .map(
      ({ id, date, delay, distance, origin, destination }) =>
        `${id}\t${date}\t${delay}\t${distance}\t${origin}\t${destination}\n`,
    )
    .join('');
  const copy = new PgCopyIn('COPY plain FROM STDIN');
  client.query(copy as never);
  await copy.write(Buffer.from(text));
  await copy.end();
  await client.query('COMMIT');
  client.release();
}

function flight(id: number): Flight {
  const date = `2001-01-${String(1 + (id % 28)).padStart(2, '0')}T00:00:00.000Z`;
  const places = { origin: `A${id % 97}`, destination: `B${id % 89}` };
  return { id, date, delay: (id % 121) - 20, distance: 100 + (id % 2_500), ...places };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Round by round, the median and the tenths at both ends: how fast, where 1 is plain COPY. */
function ratioOf(plain: readonly number[], other: readonly number[]): string {
  const ratios = plain.map((floor, index) => floor / (other[index] ?? floor));
  const [low, middle, high] = [0.1, 0.5, 0.9].map((part) => quantile(ratios, part).toFixed(2));
  return `${middle ?? ''} (${low ?? ''} to ${high ?? ''})`;
}

function perSecond(rows: number, durationMs: number): string {
  return String(Math.round((rows / durationMs) * 1_000));
}
