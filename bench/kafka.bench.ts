// From a topic to nothing, to PostgreSQL and to a topic, beside loops by hand with kafkajs, in one run.
//
// Needs a broker: `npm run bench:kafka` starts one. Each ratio is of one round: the loop by hand, then tidegate.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel, Partitioners, type EachBatchPayload } from 'kafkajs';
import pg from 'pg';
import { FileSystemCheckpointStore, Pipeline } from 'tidegate';
import type { Sink } from 'tidegate/extend';
import { json, kafkaJs, kafkaSink, kafkaSource } from 'tidegate/kafka';
import { postgresSink } from 'tidegate/postgres';
import { startPostgres } from '../test/connectors/postgres-server.js';
import { isQuick, printRows, quantile } from './measure.js';

interface Order {
  readonly n: number;
  readonly account: string;
  readonly amount: number;
}

const records = isQuick ? 2_000 : 300_000;
const rounds = isQuick ? 1 : 3;
const partitions = 6;
const intervalMs = 1_000;
const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
if (process.env.KAFKA_BROKERS === undefined) {
  console.log('bench kafka needs a broker: npm run bench:kafka starts one');
  process.exit(0);
}
const client = new Kafka({ brokers, logLevel: logLevel.NOTHING });
const kafka = kafkaJs(client);
const server = await startPostgres();
const pool = new pg.Pool({ connectionString: server.url, max: 10 });
pool.on('error', () => undefined);
await server.query('CREATE TABLE hand (n int, account text, amount int)');
await server.query('CREATE TABLE ours (n int, account text, amount int)');
const input = await newTopic();
await fill(input);
const room = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));

const kinds = ['nothing', 'PostgreSQL', 'topic', 'topic, staged'] as const;
const lines: string[][] = [];
for (const kind of kinds) {
  const times: { hand: number; ours: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    times.push({ hand: await byHand(kind), ours: await byTidegate(kind) });
  }
  const ratios = times.map(({ hand, ours }) => hand / ours);
  const [low, middle, high] = [0.1, 0.5, 0.9].map((part) => quantile(ratios, part).toFixed(2));
  const rate = (of: 'hand' | 'ours'): string =>
    String(
      Math.round(
        (records /
          quantile(
            times.map((one) => one[of]),
            0.5,
          )) *
          1_000,
      ),
    );
  const aim = kind.startsWith('topic') ? '1.0' : '0.8';
  lines.push([kind, rate('hand'), rate('ours'), `${middle} (${low} to ${high})`, aim]);
}
console.log(
  `${records} records of 60 bytes in ${partitions} partitions, a checkpoint each ${intervalMs} ms; by hand: ` +
    'kafkajs without any guarantee (to a topic: with its transactions, one for each batch)',
);
printRows(['topic to', 'by hand, records/s', 'tidegate, records/s', 'ratio', 'aim'], lines);

const latencies: string[][] = [];
for (const ms of isQuick ? [100] : [100, 1_000]) {
  const seen = await latency(ms);
  const [half, most] = [quantile(seen, 0.5), quantile(seen, 0.99)];
  latencies.push([`${ms} ms`, half.toFixed(0), most.toFixed(0), String(ms + 50)]);
}
console.log('\nfrom produced to visible in PostgreSQL');
printRows(['interval', 'p50 ms', 'p99 ms', 'aim p99'], latencies);
rmSync(room, { recursive: true, force: true });
await pool.end();
await server.stop();
process.exit(0);

async function newTopic(count = partitions): Promise<string> {
  const topic = `bench-${randomUUID()}`;
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: count }], waitForLeaders: true });
  await admin.disconnect();
  return topic;
}

function order(n: number): Order {
  return { n, account: `account-${n % 997}`, amount: n % 1_000 };
}

async function fill(topic: string): Promise<void> {
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  for (let first = 0; first < records; first += 1_000) {
    const messages = Array.from({ length: Math.min(1_000, records - first) }, (_, index) => {
      const one = order(first + index);
      return { key: one.account, value: JSON.stringify(one) };
    });
    await producer.send({ topic, messages });
  }
  await producer.disconnect();
}

/** What a program without a coordinator does: parse, hand on, let the client commit offsets. */
async function byHand(kind: (typeof kinds)[number]): Promise<number> {
  const output = kind.startsWith('topic') ? await newTopic() : '';
  const producer = client.producer({
    transactionalId: `hand-${randomUUID()}`,
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  if (output !== '') await producer.connect();
  const groupId = `hand-${randomUUID()}`;
  const consumer = client.consumer({ groupId, maxWaitTimeInMs: 100 });
  let left = records;
  const startMs = performance.now();
  await consumer.connect();
  await consumer.subscribe({ topic: input, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
      const orders = batch.messages.map(({ value }) => JSON.parse(String(value)) as Order);
      if (kind === 'PostgreSQL') await copy(orders);
      if (output !== '') {
        const transaction = await producer.transaction();
        const messages = orders.map((one) => ({ key: one.account, value: JSON.stringify(one) }));
        // A request over a megabyte is refused.
        for (let first = 0; first < messages.length; first += 5_000) {
          const some = messages.slice(first, first + 5_000);
          await transaction.send({ topic: output, messages: some });
        }
        const next = String(BigInt(batch.lastOffset()) + 1n);
        const topics = [
          { topic: input, partitions: [{ partition: batch.partition, offset: next }] },
        ];
        await transaction.sendOffsets({ consumerGroupId: groupId, topics });
        await transaction.commit();
      }
      left -= orders.length;
      if (left <= 0) resolve();
    };
    consumer.run({ autoCommit: output === '', eachBatch }).catch(reject);
  });
  const tookMs = performance.now() - startMs;
  await consumer.disconnect();
  if (output !== '') await producer.disconnect();
  return tookMs;
}

/** As a careful program writes rows: many in one statement. */
async function copy(orders: readonly Order[]): Promise<void> {
  const columns = [orders.map(({ n }) => n), orders.map(({ account }) => account)];
  await pool.query('INSERT INTO hand SELECT * FROM unnest($1::int[], $2::text[], $3::int[])', [
    ...columns,
    orders.map(({ amount }) => amount),
  ]);
}

async function byTidegate(kind: (typeof kinds)[number]): Promise<number> {
  const name = `ours-${randomUUID().slice(0, 8)}`;
  const pipeline = new Pipeline(name);
  let handed = 0;
  pipeline
    .source(
      'orders',
      kafkaSource({ kafka, topic: input, value: json<Order>(), from: 'start', until: 'end' }),
    )
    .flatMap(({ value }) => {
      handed += 1;
      return value === null || kind === 'nothing' ? [] : [value];
    })
    .to('out', await sinkOf(kind, name));
  const startMs = performance.now();
  await pipeline.run({
    store: new FileSystemCheckpointStore(join(room, name)),
    handleSignals: false,
    checkpoint: { intervalMs },
  });
  const tookMs = performance.now() - startMs;
  if (handed !== records) throw new Error(`${handed} records of ${records}`);
  return tookMs;
}

async function sinkOf(kind: (typeof kinds)[number], name: string): Promise<Sink<Order>> {
  if (!kind.startsWith('topic')) return postgresSink<Order>({ pool, table: 'ours' });
  return kafkaSink<Order>({
    kafka,
    topic: await newTopic(),
    key: ({ account }) => account,
    transactionTimeoutMs: 500_000,
    ...(kind === 'topic, staged' ? { staging: join(room, `${name}-staging`) } : {}),
  });
}

/** One record each 20 ms; a reader asks the table all the time. */
async function latency(ms: number): Promise<readonly number[]> {
  const topic = await newTopic(1);
  const count = isQuick ? 20 : 300;
  await server.query('TRUNCATE ours');
  const stop = new AbortController();
  const pipeline = new Pipeline(`latency-${ms}-${randomUUID().slice(0, 8)}`);
  pipeline
    .source('orders', kafkaSource({ kafka, topic, value: json<Order>(), from: 'start' }))
    .flatMap(({ value }) => (value === null ? [] : [value]))
    .to('out', postgresSink<Order>({ pool, table: 'ours' }));
  const run = pipeline.run({
    store: new FileSystemCheckpointStore(join(room, pipeline.name)),
    signal: stop.signal,
    handleSignals: false,
    checkpoint: { intervalMs: ms },
  });
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const sentMs: number[] = [];
  const seen: number[] = [];
  const sending = (async () => {
    // The pipeline is running before the first one counts.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    for (let n = 0; n < count; n += 1) {
      sentMs.push(performance.now());
      await producer.send({ topic, messages: [{ value: JSON.stringify(order(n)) }] });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  while (seen.length < count) {
    const { rows } = await pool.query<{ n: number }>('SELECT n FROM ours WHERE n >= $1', [
      seen.length,
    ]);
    const nowMs = performance.now();
    for (const { n } of rows) seen[n] ??= nowMs - (sentMs[n] ?? nowMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await sending;
  stop.abort();
  await run;
  await producer.disconnect();
  return seen;
}
