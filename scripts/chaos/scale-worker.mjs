// A worker of a group: routes orders by account into a topic, and adds that topic up into a table.

import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';

const { library, room, brokers, database, s3, topics, sessionTimeoutMs, name } = JSON.parse(
  process.argv[2],
);
const load = (path) => import(join(library, path));
const { FileSystemCheckpointStore, ObjectCheckpointStore, Pipeline } = await load('index.js');
const { objectSink, s3Storage } = await load('connectors/s3/index.js');
const { postgresSink } = await load('connectors/postgres/index.js');
const { json, kafkaJs, kafkaSink, kafkaSource } = await load('connectors/kafka/index.js');
const { kafkaGroup, runTasks } = await load('tasks/index.js');

const client = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, clientId: name });
const kafka = kafkaJs(client);
const pool = new pg.Pool({ connectionString: database, max: 40 });
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop.abort());

/** Stage one: every order to the partition of its account. */
function route(task) {
  const pipeline = new Pipeline(task.name('route'));
  const by = kafkaSink({
    kafka,
    topic: topics.byAccount,
    key: ({ account }) => account,
    transactionTimeoutMs: 600_000,
  });
  read(pipeline, task, topics.input)
    .map(({ value }) => value)
    .to('by-account', by);
  return pipeline;
}

/** A part of the bucket; undefined where there is no server for it. */
function storageOf(prefix) {
  if (s3 === undefined) return undefined;
  const { endpoint, bucket, accessKeyId, secretAccessKey, region } = s3;
  const signer = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: 0 });
  return s3Storage({ client: signer, endpoint, bucket, prefix });
}

/** Stage two: the total of its account behind each order, into a table and into a bucket. */
function total(task) {
  const pipeline = new Pipeline(task.name('total'));
  const totals = read(pipeline, task, topics.byAccount)
    .map(({ value }) => value)
    .keyBy(({ account }) => account)
    .aggregate('totals', {
      initial: { n: 0, amount: 0, total: 0 },
      add: (sum, { n, amount }) => ({ n, amount, total: sum.total + amount }),
      result: (account, { n, amount, total }) => ({ n, account, amount, total }),
    });
  totals.to('table', postgresSink({ pool, table: 'orders' }));
  const parts = storageOf(`parts/${task.name('total')}`);
  if (parts !== undefined) totals.to('parts', objectSink({ storage: parts }));
  return pipeline;
}

function read(pipeline, task, topic) {
  const { partition } = task;
  const partitions = [partition];
  return pipeline.source(
    'orders',
    kafkaSource({ kafka, topic, value: json(), from: 'start', partitions, batchRecords: 100 }),
  );
}

function run(stage, topic, build) {
  return runTasks({
    assigner: kafkaGroup({
      kafka,
      groupId: `${topic}-${stage}`,
      topics: [topic],
      sessionTimeoutMs,
    }),
    store: (task) => {
      const storage = stage === 'total' ? storageOf(`stores/${task.name(stage)}`) : undefined;
      if (storage !== undefined) return new ObjectCheckpointStore({ storage });
      return new FileSystemCheckpointStore(join(room, 'stores', task.name(stage)));
    },
    build,
    checkpoint: { intervalMs: 300, tolerableFailures: 1_000 },
    timeouts: { stopMs: 8_000, closeMs: 3_000 },
    restart: { firstMs: 200, maxMs: 3_000 },
    signal: stop.signal,
    handleSignals: false,
  });
}

const stages = {
  route: run('route', topics.input, route),
  total: run('total', topics.byAccount, total),
};
let isReady = false;
const beat = setInterval(() => {
  const owned = {};
  for (const [stage, { tasks }] of statuses()) {
    owned[stage] = tasks
      .filter(({ state }) => state === 'running')
      .map(({ partition }) => partition);
  }
  process.stdout.write(`status ${JSON.stringify(owned)}\n`);
  if (isReady || statuses().some(([, { phase }]) => phase !== 'running')) return;
  isReady = true;
  process.stdout.write('ready\n');
}, 200);
for (const [stage, { events }] of Object.entries(stages)) {
  const tell = (what) => (event) => {
    const { partition, error } = event;
    process.stdout.write(`${what} ${stage}#${partition}: ${error.code ?? ''} ${error.message}\n`);
  };
  events.on('task-failed', tell('failed'));
  events.on('task-fenced', tell('fenced'));
  events.on('task-changed', ({ partition, state }) => {
    process.stdout.write(`${stage}#${partition} ${state}\n`);
  });
  events.on('assigner-troubled', ({ error }) => {
    process.stdout.write(`group of ${stage}: ${error.code ?? ''} ${error.message}\n`);
  });
}
try {
  await Promise.all(Object.values(stages).map(({ done }) => done));
  process.stdout.write('stopped\n');
} catch (error) {
  process.stdout.write(`ended by ${error.code ?? error.name}: ${error.message}\n`);
  process.exitCode = 3;
}
clearInterval(beat);
await pool.end();
process.exit();

function statuses() {
  return Object.entries(stages).map(([stage, one]) => [stage, one.status()]);
}
