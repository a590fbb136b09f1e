// Two stages over many processes, which are killed, stopped, added and removed, and counts what was lost:
//
//   npm run chaos:scale                        60 to 90 s
//   npm run chaos:scale -- --events 4          the short form
//   npm run chaos:scale -- --events 1000 --seed 7
//   npm run demo:scale                         the same, with a table of who owns what
//
// Orders in twelve partitions are routed by account into a second topic, and added up from there into
// PostgreSQL and an object store, which also holds the checkpoints of the second stage. Four workers share
// the tasks of both. Java 17 and Maven, or TIDEGATE_KAFKA_JARS; without Go there is no object store.

import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { killBroker, launch, removeBroker, startBroker } from '../test/connectors/kafka/broker.ts';
import { BrokerUnavailable } from '../test/connectors/kafka/jars.ts';
import { ServerUnavailable } from '../test/connectors/s3/installs.ts';
import { S3Server } from '../test/connectors/s3/server.ts';
import { startPostgres } from '../test/connectors/postgres-server.ts';
import { compare } from './chaos/checker.mjs';
import { readTopic, readWithJava } from './chaos/kafka-checker.mjs';
import { Ownership } from './chaos/ownership.mjs';
import { randomFrom, startChild, startServerAgain, Tally, until, within } from './chaos/rounds.mjs';
import { positive, script, whole } from './flags.mjs';
import { root, transpile } from './transpile.mjs';

const flags = script('chaos:scale', 'Disturbs workers that share tasks, and counts what was lost.')
  .option('--events <count>', 'disturbances', positive, 10)
  .option('--workers <count>', 'processes at first', positive, 4)
  .option('--partitions <count>', 'of each topic', positive, 12)
  .option('--rate <count>', 'orders in a second', positive, 400)
  .option('--slack <ms>', 'beyond the session timeout, without an owner', whole, 5_000)
  .option('--only <kind>', 'one kind of disturbance')
  .option('--log <file>', 'what the workers say of their tasks')
  .option('--live', 'print who owns what', false)
  .option('--seed <number>', 'of what is drawn at random', whole, Date.now() % 1_000_000)
  .parse()
  .opts();
const { events, workers, partitions, rate, seed } = flags;
const sessionTimeoutMs = 6_000;
const ownerlessMs = sessionTimeoutMs + flags.slack;
const settleMs = 120_000;
const next = randomFrom(seed);
const tally = new Tally();

try {
  await startBroker();
} catch (error) {
  if (!(error instanceof BrokerUnavailable)) throw error;
  const isRequired = process.env.CI === 'true';
  console.log(`chaos:scale ${isRequired ? 'cannot run' : 'skipped'}: ${error.message}.`);
  process.exit(isRequired ? 1 : 0);
}
const brokers = process.env.KAFKA_BROKERS ?? '';
const name = randomUUID().slice(0, 8);
const topics = { input: `orders-${name}`, byAccount: `by-account-${name}` };
const room = mkdtempSync(join(tmpdir(), 'tidegate-scale-'));
const build = transpile(`scale-${process.pid}`);
writeFileSync(join(build, 'package.json'), '{ "type": "module" }');
const server = await startPostgres();
const bucket = await startBucket();
process.on('exit', () => {
  removeBroker();
  for (const made of [room, build]) rmSync(made, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
await server.query('CREATE TABLE orders (n int, account text, amount int, total int)');
const client = new Kafka({
  brokers: [brokers],
  logLevel: logLevel.NOTHING,
  retry: { retries: 30, initialRetryTime: 100, maxRetryTime: 1_000 },
});
await createTopics();
console.log(
  `seed ${seed}: ${events} disturbances, ${workers} workers, two stages of ${partitions} tasks, ` +
    `${rate} orders a second`,
);

const tasks = ['route', 'total'].flatMap((stage) =>
  Array.from({ length: partitions }, (_, partition) => `${stage}#${partition}`),
);
const ownership = new Ownership(tasks);
const running = new Map();
let started = 0;
const startedMs = Date.now();
const feeding = { isPaused: false, isOver: false, sent: 0 };
for (let worker = 0; worker < workers; worker += 1) addWorker();
const fed = feed();
if (!(await until(() => ownership.isComplete, settleMs))) fail('no worker has some of the tasks');
const looking = setInterval(() => ownership.look(), 100);
const showing = flags.live ? setInterval(show, 2_000) : undefined;
for (let event = 0; event < events; event += 1) {
  await delay(1_000 + next() * 1_500);
  // One at a time: what is measured is how long each leaves a task alone.
  if (!(await until(() => ownership.isComplete, settleMs))) fail('a task stays without an owner');
  await disturb();
}
feeding.isOver = true;
await fed;
const isThere = await until(async () => (await rowCount()) >= feeding.sent, settleMs);
clearInterval(looking);
clearInterval(showing);
if (flags.live) show();
if (!isThere) fail(`${await rowCount()} of ${feeding.sent} orders are in the table`);
for (const worker of [...running.keys()]) await removeWorker(worker);
const sums = await check();
await server.stop();
bucket?.remove();
tally.print();
console.log(
  `${((Date.now() - startedMs) / 1_000).toFixed(0)} s, ${feeding.sent} orders; longest without an ` +
    `owner: ${ownership.longest} for ${ownership.longestMs} ms, at most ${ownerlessMs}`,
);
for (const [what, count] of Object.entries(sums)) console.log(`${what} ${count}`);
const isRight = Object.values(sums).every((count) => count === 0);
process.exit(isRight && ownership.longestMs <= ownerlessMs ? 0 : 1);

async function disturb() {
  const servers = ['broker', 'postgres', ...(bucket === undefined ? [] : ['s3'])];
  const kinds = ['kill', 'kill', 'suspend', 'suspend', 'add', 'remove', ...servers];
  const kind = flags.only ?? kinds[Math.floor(next() * kinds.length)];
  const victim = [...running.keys()][Math.floor(next() * running.size)];
  const what = `-- ${kind} ${/kill|suspend|remove/.test(kind) ? victim : ''}`;
  if (flags.live) console.log(what);
  if (flags.log !== undefined) note(what, '\n');
  switch (kind) {
    case 'kill': {
      const worker = running.get(victim);
      forget(victim);
      await worker.kill();
      addWorker();
      break;
    }
    case 'suspend': {
      const worker = running.get(victim);
      worker.suspend();
      await delay(sessionTimeoutMs + 1_000 + next() * 3_000);
      worker.resume();
      break;
    }
    case 'add':
      if (running.size > workers) await removeWorker(victim);
      else addWorker();
      break;
    case 'remove':
      if (running.size < workers) addWorker();
      else await removeWorker(victim);
      break;
    case 'broker':
      feeding.isPaused = true;
      await delay(300);
      await killBroker();
      await delay(next() * 1_000);
      await launch();
      feeding.isPaused = false;
      break;
    case 's3':
      await bucket.kill();
      await delay(next() * 1_000);
      await bucket.start();
      break;
    default:
      await server.kill();
      await delay(next() * 1_000);
      await startServerAgain(server);
  }
  tally.count(kind);
}

function addWorker() {
  started += 1;
  const worker = `w${started}`;
  const place = { library: join(build, 'src'), room, database: server.url, brokers, topics };
  const s3 = bucket?.service;
  const child = startChild(
    join(root, 'scripts/chaos/scale-worker.mjs'),
    { ...place, s3, sessionTimeoutMs, name: worker },
    (text) => {
      ownership.hear(worker, text);
      if (flags.log !== undefined) note(worker, text);
    },
  );
  running.set(worker, child);
  void child.ended.then(({ code, signal }) => {
    if (running.get(worker) === child) fail(`${worker} has ended by itself (${code ?? signal})`);
  });
}

/** In order: with final checkpoints, within the bounds. */
async function removeWorker(worker) {
  const child = running.get(worker);
  forget(worker);
  child.stop();
  const ended = await within(child.ended, 30_000);
  if (ended?.code !== 0) fail(`${worker} did not stop in order`, child);
}

function forget(worker) {
  running.delete(worker);
  ownership.gone(worker);
}

function note(worker, text) {
  const said = text.replace(/^status .*\n/gm, '');
  const seconds = ((Date.now() - startedMs) / 1_000).toFixed(1);
  if (said !== '') appendFileSync(flags.log, `${seconds} ${worker} ${said}`);
}

function show() {
  console.log(
    [`${((Date.now() - startedMs) / 1_000).toFixed(0)} s`, ...ownership.table()].join('\n'),
  );
}

function fail(why, child) {
  const outputs = child === undefined ? [...running.values()] : [child];
  const said = outputs.map((one) => one.output().replace(/^status .*\n/gm, ''));
  console.log(`FAILED: ${why}\n${said.join('\n---\n')}`);
  process.exit(1);
}

async function createTopics() {
  const admin = client.admin();
  await admin.connect();
  const made = Object.values(topics).map((topic) => ({ topic, numPartitions: partitions }));
  await admin.createTopics({ topics: made, waitForLeaders: true });
  await admin.disconnect();
}

/** Orders in all partitions, few accounts with most of them, until it is over. */
async function feed() {
  const producer = client.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  while (!feeding.isOver) {
    await delay(100);
    if (feeding.isPaused) continue;
    const messages = Array.from({ length: Math.ceil(rate / 10) }, (_, index) => {
      const n = feeding.sent + index;
      const account = `account-${Math.floor(next() ** 3 * 200)}`;
      const order = { n, account, amount: Math.floor(next() * 1_000) };
      return { partition: n % partitions, value: JSON.stringify(order) };
    });
    await producer.send({ topic: topics.input, messages });
    feeding.sent += messages.length;
  }
  await producer.disconnect();
}

async function startBucket() {
  try {
    return await S3Server.versitygw();
  } catch (error) {
    if (!(error instanceof ServerUnavailable)) throw error;
    console.log(`without an object store: ${error.message}`);
    return undefined;
  }
}

/** The orders in what the object sinks have committed; none without an object store. */
async function partsOfBucket() {
  if (bucket === undefined) return [];
  const { committedObjects, s3Storage } = await import(join(build, 'src/connectors/s3/index.js'));
  const { endpoint, accessKeyId, secretAccessKey, region } = bucket.service;
  const signer = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3' });
  const lines = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const prefix = `parts/total#${partition}`;
    const storage = s3Storage({ client: signer, endpoint, bucket: bucket.service.bucket, prefix });
    for await (const { key } of committedObjects(storage)) {
      const url = `${endpoint}/${bucket.service.bucket}/${prefix}/${key}`.replace('#', '%23');
      const text = await (await signer.fetch(url)).text();
      lines.push(...text.trimEnd().split('\n'));
    }
  }
  return [
    lines.map((line) => {
      const { n, account, amount } = JSON.parse(line);
      return JSON.stringify({ n, account, amount });
    }),
  ];
}

async function rowCount() {
  try {
    const [row] = await server.query('SELECT count(*)::int AS rows FROM orders');
    return row?.rows ?? 0;
  } catch {
    return 0;
  }
}

/** Against what stands in the input topic. */
async function check() {
  const input = await readTopic(brokers, topics.input);
  const expected = new Map(input.values.map((text) => [JSON.parse(text).n, text]));
  const { leftOpen } = await readTopic(brokers, topics.byAccount);
  const routed = readWithJava(brokers, topics.byAccount);
  const rows = await server.query('SELECT n, account, amount, total FROM orders ORDER BY n');
  const prepared = await server.query('SELECT gid FROM pg_prepared_xacts');
  const plain = rows.map(({ n, account, amount }) => JSON.stringify({ n, account, amount }));
  const found = [plain, routed, ...(await partsOfBucket())].map((one) => compare(expected, one));
  if (flags.log !== undefined) note('found', `${JSON.stringify(found)}\n`);
  const sum = (what) => found.reduce((total, one) => total + one[what], 0);
  const totals = new Map();
  const highest = new Map();
  for (const text of expected.values()) {
    const { account, amount } = JSON.parse(text);
    totals.set(account, (totals.get(account) ?? 0) + amount);
  }
  for (const { account, total } of rows) {
    highest.set(account, Math.max(highest.get(account) ?? 0, total));
  }
  const wrong = [...totals].filter(([account, total]) => highest.get(account) !== total);
  return {
    lost: sum('lost'),
    duplicates: sum('duplicates'),
    altered: sum('altered'),
    'wrong sums': wrong.length,
    'left open': leftOpen + prepared.length,
  };
}
