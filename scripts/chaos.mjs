// Kills a writing process and its PostgreSQL server again and again, and counts what was lost:
//
//   npm run chaos                              100 kills, and 20 owners that are overtaken
//   npm run chaos -- --kills 1000 --seed 7 --rows 200000

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { startPostgres } from '../test/connectors/postgres-server.ts';
import { check } from './chaos/checker.mjs';
import { randomFrom, startChild, startServerAgain, Tally, until, within } from './chaos/rounds.mjs';
import { positive, script, whole } from './flags.mjs';
import { root, transpile } from './transpile.mjs';

const about = 'Kills a writing process and its PostgreSQL server, and counts what was lost.';
const {
  kills,
  takeovers,
  rows: rowCount,
  seed,
} = script('chaos', about)
  .option('--kills <count>', 'processes that are killed', whole, 100)
  .option('--takeovers <count>', 'owners that are overtaken while they stand still', whole, 20)
  .option('--rows <count>', 'rows to write in all', positive, 200_000)
  .option('--seed <number>', 'of what is drawn at random', whole, Date.now() % 1_000_000)
  .parse()
  .opts();
const aimMissedMs = 10_000;
const endMs = 300_000;

const steps = ['3 table prepared', '3 files prepared', '5 manifest persisted'];
steps.push('6 table committed', '6 files committed', '6 files published', '7 manifest saved again');
const points = steps.flatMap((step) => [`${step}, before`, `${step}, after`]);
/** Between the manifest that decides and the one that says it is done. */
const inDoubtPoints = points.slice(5, 13);
const tally = new Tally();
const next = randomFrom(seed);

console.log(`seed ${seed}, ${kills} kills, ${takeovers} takeovers, ${rowCount} rows`);
const room = mkdtempSync(join(tmpdir(), 'tidegate-chaos-'));
const build = transpile(`chaos-${process.pid}`);
const library = join(build, 'src');
writeFileSync(join(build, 'package.json'), '{ "type": "module" }');
await writeRows();
const server = await startPostgres();
process.on('exit', () => {
  rmSync(room, { recursive: true, force: true, maxRetries: 5 });
  rmSync(build, { recursive: true, force: true });
});
await server.query(
  `CREATE TABLE flight (n int, date text, delay int, distance int, origin text, destination text)`,
);

const startedMs = Date.now();
const rounds = planRounds();
for (const [index, round] of rounds.entries()) {
  const untilRow = Math.ceil((rowCount * (index + 1)) / rounds.length);
  await runRound(round, untilRow);
  if (index % 20 === 19) console.log(`${index + 1} of ${rounds.length} rounds`);
}
const last = startWriter({ untilRow: rowCount });
const isDone = await within(last.ended, endMs);
if (isDone?.code !== 0) throw new Error(`the last run did not finish:\n${last.output()}`);

const { lost, duplicates, altered, leftPrepared } = await check(room, server.url);
await server.stop();
const inDoubt = tally.sum(inDoubtPoints.map((point) => `at ${point}`));
tally.print([['killed between steps 5 and 7, of these', inDoubt]]);
console.log(`${((Date.now() - startedMs) / 1_000).toFixed(0)} s`);
console.log(`lost ${lost}`);
console.log(`duplicates ${duplicates}`);
console.log(`altered ${altered}`);
console.log(`left prepared ${leftPrepared}`);
process.exit(lost + duplicates + altered + leftPrepared === 0 ? 0 : 1);

/** Half of the kills at random moments, half at a point; every tenth takes the server first. */
function planRounds() {
  const planned = [];
  let aimed = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    if (kill % 10 === 9) planned.push({ kind: 'server' });
    else if (kill % 2 === 0) planned.push({ kind: 'random' });
    else planned.push({ kind: 'aimed', point: points[aimed++ % points.length] });
  }
  for (let count = 0; count < takeovers; count += 1) {
    const point = inDoubtPoints[count % inDoubtPoints.length];
    const place = Math.floor(((count + 0.5) * planned.length) / takeovers);
    planned.splice(place, 0, { kind: 'takeover', point });
  }
  return planned;
}

async function runRound({ kind, point }, untilRow) {
  switch (kind) {
    case 'random':
      return killAtRandom(untilRow);
    case 'aimed':
      return killAtPoint(point, untilRow);
    case 'server':
      return killServer(untilRow);
    default:
      return overtake(point, untilRow);
  }
}

async function killAtRandom(untilRow) {
  const writer = startWriter({ untilRow });
  // One in five comes while the process starts or recovers.
  if (next() > 0.2) await within(writer.ready, endMs);
  await delay(next() * 500);
  tally.count(writer.isReady() ? 'at random, running' : 'at random, starting');
  await writer.kill();
}

async function killAtPoint(point, untilRow) {
  const occurrence = 1 + Math.floor(next() * 3);
  const writer = startWriter({ untilRow, aim: { point, occurrence, signal: 'SIGKILL' } });
  const ended = await within(writer.ended, aimMissedMs);
  tally.count(ended?.signal === 'SIGKILL' ? `at ${point}` : 'at random, aim missed');
  await writer.kill();
}

async function killServer(untilRow) {
  const writer = startWriter({ untilRow });
  await within(writer.ready, endMs);
  await delay(next() * 300);
  await server.kill();
  await startServerAgain(server);
  await delay(next() * 1_500);
  tally.count('the server, then the writer');
  await writer.kill();
}

/** An owner stands still in the middle of a commit, is overtaken, and goes on afterwards. */
async function overtake(point, untilRow) {
  const old = startWriter({ untilRow, aim: { point, occurrence: 1, signal: 'SIGSTOP' } });
  const hasStopped = await until(() => old.isStopped(), aimMissedMs);
  // One that never came to the point has nothing left to do, and would not learn that it is over.
  if (!hasStopped) await old.kill();
  const heir = startWriter({ untilRow });
  await within(heir.ready, endMs);
  old.resume();
  const ended = await within(old.ended, endMs);
  if (hasStopped && ended?.code !== 3) {
    throw new Error(`the overtaken owner did not stop by itself:\n${old.output()}`);
  }
  await delay(next() * 300);
  tally.count(hasStopped ? `overtaken at ${point}` : 'overtaken, aim missed');
  await heir.kill();
}

function startWriter(settings) {
  const task = { library, room, database: server.url, ...settings };
  return startChild(join(root, 'scripts/chaos/writer.mjs'), task);
}

async function writeRows() {
  const file = await asyncBufferFromFile(
    join(root, 'node_modules/vega-datasets/data/flights-3m.parquet'),
  );
  const rows = await parquetReadObjects({ file, compressors, rowStart: 0, rowEnd: rowCount });
  const lines = rows.map(({ date, delay, distance, origin, destination }, n) => {
    const day = date instanceof Date ? date.toISOString() : String(date);
    const numbers = { delay: Number(delay), distance: Number(distance) };
    return JSON.stringify({ n, date: day, ...numbers, origin, destination });
  });
  writeFileSync(join(room, 'rows.jsonl'), `${lines.join('\n')}\n`);
}
