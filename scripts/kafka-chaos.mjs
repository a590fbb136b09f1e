// Kills a pipeline from a topic into a table, files and a topic, and its servers, and counts what was lost:
//
//   npm run chaos:kafka                            100 kills, 10 of each server, 10 owners overtaken
//   npm run chaos:kafka -- --kills 20 --records 20000 --seed 7
//   npm run chaos:kafka -- --staged                records wait in a directory before they are sent
//
// Java 17 and Maven, or TIDEGATE_KAFKA_JARS; without them it says so, and fails where CI=true.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { killBroker, launch, removeBroker, startBroker } from '../test/connectors/kafka/broker.ts';
import { BrokerUnavailable } from '../test/connectors/kafka/jars.ts';
import { startPostgres } from '../test/connectors/postgres-server.ts';
import { compare, readFiles } from './chaos/checker.mjs';
import { readTopic } from './chaos/kafka-checker.mjs';
import { steps } from './chaos/points.mjs';
import { randomFrom, startChild, startServerAgain, Tally, until, within } from './chaos/rounds.mjs';
import { positive, script, whole } from './flags.mjs';
import { root, transpile } from './transpile.mjs';

const about = 'Kills a pipeline over Kafka and its servers, and counts what was lost.';
const flags = script('chaos:kafka', about)
  .option('--kills <count>', 'processes that are killed', whole, 100)
  .option('--brokers <count>', 'times that the broker is killed', whole, 10)
  .option('--servers <count>', 'times that PostgreSQL is killed', whole, 10)
  .option('--takeovers <count>', 'owners that are overtaken while they stand still', whole, 10)
  .option('--members <count>', 'times that another member joins the group', whole, 3)
  .option('--records <count>', 'records in all', positive, 200_000)
  .option('--staged', 'the sink of the topic stages its records', false)
  .option('--seed <number>', 'of what is drawn at random', whole, Date.now() % 1_000_000)
  .parse()
  .opts();
const { kills, takeovers, records, seed } = flags;

const aimMissedMs = 10_000;
const endMs = 300_000;
const partitions = 6;
const allSteps = [...steps, '3 topic marked', '6 topic committed'];
const points = allSteps.flatMap((step) => [`${step}, before`, `${step}, after`]);
const inDoubtPoints = points.filter((point) => /^[567]/.test(point));
const tally = new Tally();
const next = randomFrom(seed);

try {
  await startBroker();
} catch (error) {
  if (!(error instanceof BrokerUnavailable)) throw error;
  const isRequired = process.env.CI === 'true';
  console.log(`chaos:kafka ${isRequired ? 'cannot run' : 'skipped'}: ${error.message}.`);
  process.exit(isRequired ? 1 : 0);
}
const brokers = process.env.KAFKA_BROKERS ?? '';
const name = randomUUID().slice(0, 8);
const topics = { input: `in-${name}`, output: `out-${name}` };
console.log(
  `seed ${seed}, ${kills} kills, ${flags.brokers} of the broker, ${flags.servers} of PostgreSQL, ` +
    `${takeovers} takeovers, ${records} records in ${partitions} partitions` +
    `${flags.staged ? ', staged' : ''}`,
);
const room = mkdtempSync(join(tmpdir(), 'tidegate-kafka-chaos-'));
const build = transpile(`kafka-chaos-${process.pid}`);
writeFileSync(join(build, 'package.json'), '{ "type": "module" }');
const server = await startPostgres();
process.on('exit', () => {
  removeBroker();
  rmSync(room, { recursive: true, force: true, maxRetries: 5 });
  rmSync(build, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
await server.query('CREATE TABLE orders (n int, account text, amount int)');
const client = new Kafka({
  brokers: [brokers],
  logLevel: logLevel.NOTHING,
  retry: { retries: 30, initialRetryTime: 100, maxRetryTime: 1_000 },
});
const expected = new Map();
await createTopics();

const startedMs = Date.now();
const rounds = planRounds();
for (const [index, round] of rounds.entries()) {
  await feed(Math.ceil((records * (index + 1)) / rounds.length));
  await runRound(round);
  if (index % 20 === 19) console.log(`${index + 1} of ${rounds.length} rounds`);
}
const last = startWriter();
await within(last.ready, endMs);
const isThere = await until(async () => (await rowCount()) >= records, endMs);
last.stop();
const ended = await within(last.ended, 60_000);
if (!isThere || ended?.code !== 0) {
  throw new Error(`the last run did not finish (${await rowCount()} rows):\n${last.output()}`);
}

const sums = await check();
await server.stop();
const inDoubt = tally.sum(inDoubtPoints.map((point) => `at ${point}`));
tally.print([['killed between steps 5 and 7, of these', inDoubt]]);
console.log(`${((Date.now() - startedMs) / 1_000).toFixed(0)} s`);
for (const [what, count] of Object.entries(sums)) console.log(`${what} ${count}`);
process.exit(Object.values(sums).every((count) => count === 0) ? 0 : 1);

/** Half of the kills at random moments, half at a durable action; the others spread among them. */
function planRounds() {
  const planned = [];
  let aimed = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    if (kill % 2 === 0) planned.push({ kind: 'random' });
    else planned.push({ kind: 'aimed', point: points[aimed++ % points.length] });
  }
  const spread = (count, make) => {
    for (let index = 0; index < count; index += 1) {
      const place = Math.floor(((index + 0.5) * planned.length) / count);
      planned.splice(place, 0, make(index));
    }
  };
  spread(flags.servers, () => ({ kind: 'server' }));
  spread(flags.brokers, () => ({ kind: 'broker' }));
  spread(flags.members, () => ({ kind: 'member' }));
  spread(takeovers, (index) => ({
    kind: 'takeover',
    point: inDoubtPoints[index % inDoubtPoints.length],
  }));
  return planned;
}

async function runRound({ kind, point }) {
  switch (kind) {
    case 'random': {
      const writer = startWriter();
      // One in five comes while the process starts or recovers.
      if (next() > 0.2) await within(writer.ready, endMs);
      await delay(next() * 500);
      tally.count(writer.isReady() ? 'at random, running' : 'at random, starting');
      return writer.kill();
    }
    case 'aimed': {
      const occurrence = 1 + Math.floor(next() * 3);
      const writer = startWriter({ aim: { point, occurrence, signal: 'SIGKILL' } });
      const gone = await within(writer.ended, aimMissedMs);
      tally.count(gone?.signal === 'SIGKILL' ? `at ${point}` : 'at random, aim missed');
      return writer.kill();
    }
    case 'server':
      return whileRunning('PostgreSQL, then the process', async () => {
        await server.kill();
        await delay(next() * 1_000);
        await startServerAgain(server);
      });
    case 'broker':
      return whileRunning('the broker, then the process', async () => {
        await killBroker();
        await delay(next() * 1_000);
        await launch();
      });
    case 'member':
      return joinedByAnother();
    default:
      return overtake(point);
  }
}

async function whileRunning(what, disturb) {
  const writer = startWriter();
  await within(writer.ready, endMs);
  await delay(next() * 300);
  await disturb();
  await delay(next() * 2_000);
  tally.count(what);
  await writer.kill();
}

/** A second member takes partitions away, and gives them back. */
async function joinedByAnother() {
  const writer = startWriter({ isMember: true });
  await within(writer.ready, endMs);
  await delay(next() * 1_000);
  const other = client.consumer({ groupId: topics.input, sessionTimeout: 6_000 });
  await other.connect();
  await other.subscribe({ topics: [topics.input] });
  await other.run({ autoCommit: false, eachBatch: () => Promise.resolve() });
  await delay(2_000 + next() * 2_000);
  await other.disconnect();
  await delay(next() * 4_000);
  tally.count('another member joined and left');
  await writer.kill();
}

/** An owner stands still in the middle of a commit, is overtaken, and goes on afterwards. */
async function overtake(point) {
  const old = startWriter({ aim: { point, occurrence: 1, signal: 'SIGSTOP' } });
  const hasStopped = await until(() => old.isStopped(), aimMissedMs);
  if (!hasStopped) await old.kill();
  const heir = startWriter();
  await within(heir.ready, endMs);
  old.resume();
  const gone = await within(old.ended, endMs);
  if (hasStopped && gone?.code !== 3) {
    throw new Error(`the overtaken owner did not stop by itself:\n${old.output()}`);
  }
  await delay(next() * 300);
  tally.count(hasStopped ? `overtaken at ${point}` : 'overtaken, aim missed');
  await heir.kill();
}

function startWriter(settings = {}) {
  const place = { library: join(build, 'src'), room, database: server.url, brokers, topics };
  const task = { ...place, isStaged: flags.staged, ...settings };
  return startChild(join(root, 'scripts/chaos/kafka-writer.mjs'), task);
}

async function createTopics() {
  const admin = client.admin();
  await admin.connect();
  const made = Object.values(topics).map((topic) => ({ topic, numPartitions: partitions }));
  await admin.createTopics({ topics: made, waitForLeaders: true });
  await admin.disconnect();
}

/** Orders up to this number, in committed and among them aborted transactions; few accounts have most. */
async function feed(count) {
  const producer = client.producer({
    transactionalId: `feed-${name}`,
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  while (expected.size < count) {
    const first = expected.size;
    const orders = Array.from({ length: Math.min(500, count - first) }, (_, index) => {
      const account = `account-${Math.floor(next() ** 4 * 300)}`;
      return { n: first + index, account, amount: Math.floor(next() * 1_000) };
    });
    const messages = orders.map((order) => ({
      key: order.account,
      value: JSON.stringify(order),
    }));
    if (next() < 0.1) {
      const lost = await producer.transaction();
      await lost.send({ topic: topics.input, messages });
      await lost.abort();
    }
    const transaction = await producer.transaction();
    await transaction.send({ topic: topics.input, messages });
    await transaction.commit();
    for (const order of orders) expected.set(order.n, JSON.stringify(order));
  }
  await producer.disconnect();
}

async function rowCount() {
  const [row] = await server.query('SELECT count(*)::int AS rows FROM orders');
  return row?.rows ?? 0;
}

async function check() {
  const rows = await server.query('SELECT n, account, amount FROM orders ORDER BY n');
  const prepared = await server.query('SELECT gid FROM pg_prepared_xacts');
  const { lines, staged } = readFiles(join(room, 'archive'));
  const { values, leftOpen } = await readTopic(brokers, topics.output);
  const found = [rows.map((row) => JSON.stringify(row)), lines, values].map((one) =>
    compare(expected, one),
  );
  const sum = (what) => found.reduce((total, one) => total + one[what], 0);
  return {
    lost: sum('lost'),
    duplicates: sum('duplicates'),
    altered: sum('altered'),
    'left open': leftOpen + prepared.length + staged.length,
  };
}
