// Rows per second through the two-phase sink against plain COPY of the same rows, and what a commit costs.

import type { Pool } from 'pg';
import type { CheckpointId, Epoch, Generation, StoreId } from 'tidegate';
import { postgresSink } from 'tidegate/postgres';
import { PgCopyIn } from '../src/connectors/postgres/pg-copy.js';
import { startPostgres } from '../test/connectors/postgres-server.js';
import { printRows, quantile } from './measure.js';

interface Flight {
  readonly id: number;
  readonly date: string;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

const batchRows = 500;
const rounds = 15;
const warmUpRounds = 3;
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
for (const epochRows of [1_000, 10_000, 100_000]) {
  const flights = Array.from({ length: epochRows }, (_, id) => flight(id));
  const times = { plain: [] as number[], sink: [] as number[], commit: [] as number[] };
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    const plain = await timed(() => copyInOneTransaction(pool, flights));
    let handle = '';
    const prepared = await timed(async () => {
      for (let start = 0; start < flights.length; start += batchRows) {
        await session.write(flights.slice(start, start + batchRows));
      }
      sequence += 1;
      const checkpointId = (2 ** 24 + sequence) as CheckpointId;
      const epoch = sequence as Epoch;
      ({ handle } = await session.preCommit({ checkpointId, epoch, generation }, { signal }));
    });
    const commit = await timed(() => session.commit(handle, { signal }));
    if (round < 0) continue;
    times.plain.push(plain);
    times.sink.push(prepared + commit);
    times.commit.push(commit);
    await server.query('TRUNCATE plain; TRUNCATE sunk');
  }
  const ratios = times.plain.map((plain, index) => plain / (times.sink[index] ?? plain));
  lines.push([
    String(epochRows),
    perSecond(epochRows, quantile(times.plain, 0.5)),
    perSecond(epochRows, quantile(times.sink, 0.5)),
    `${quantile(ratios, 0.5).toFixed(2)} (${quantile(ratios, 0.1).toFixed(2)} to ${quantile(ratios, 0.9).toFixed(2)})`,
    quantile(times.commit, 0.5).toFixed(2),
    quantile(times.commit, 0.9).toFixed(2),
  ]);
}
printRows(
  ['rows an epoch', 'COPY rows/s', 'sink rows/s', 'sink / COPY', 'commit p50 ms', 'commit p90 ms'],
  lines,
);
await server.stop();
process.exit(0);

async function copyInOneTransaction(from: Pool, flights: readonly Flight[]): Promise<void> {
  const client = await from.connect();
  await client.query('BEGIN');
  const text = flights
    .map(
      ({ id, date, delay, distance, origin, destination }) =>
        `${id}\t${date}\t${delay}\t${distance}\t${origin}\t${destination}\n`,
    )
    .join('');
  const copy = new PgCopyIn('COPY plain FROM STDIN', Buffer.from(text));
  client.query(copy as never);
  await copy.done;
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

function perSecond(rows: number, durationMs: number): string {
  return String(Math.round((rows / durationMs) * 1_000));
}
