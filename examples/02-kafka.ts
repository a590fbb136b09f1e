// From a Kafka topic: totals into PostgreSQL, and into another topic; as a pipeline, and for an eachBatch loop.

import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import {
  CheckpointCoordinator,
  consoleSink,
  jsonState,
  MemoryCheckpointStore,
  Pipeline,
} from 'tidegate';
import type { CheckpointStore, Offsets, Sink } from 'tidegate/extend';
import { eachBatchSource, json, kafkaJs, kafkaSink, kafkaSource } from 'tidegate/kafka';
import type { EachBatchMessage } from 'tidegate/kafka';

export interface Order {
  readonly account: string;
  readonly amount: number;
}

/** What an account has spent so far: one for each order. */
export type Total = Order;

// #region pipeline
export function totalsPipeline(client: Kafka, topic: string, table: Sink<Total>): Pipeline {
  const pipeline = new Pipeline('totals');
  const source = { kafka: kafkaJs(client), topic, value: json<Order>(), from: 'start' } as const;
  pipeline
    .source('orders', kafkaSource(source))
    .flatMap(({ value }) => (value === null ? [] : [value]))
    .keyBy(({ account }) => account)
    .aggregate('totals', { initial: 0, add: (sum, { amount }) => sum + amount })
    .map(({ key, value }) => ({ account: key, amount: value }))
    .to('table', table);
  return pipeline;
}
// #endregion pipeline

// #region topic-to-topic
/** `staging` makes the sink durable: transactions are short, and other sinks may stand beside it. */
export function totalsTopic(client: Kafka, topic: string, staging: string): Sink<Total> {
  return kafkaSink({
    kafka: kafkaJs(client),
    topic,
    key: ({ account }) => account,
    staging,
  });
}
// #endregion topic-to-topic

interface Surroundings {
  readonly client: Kafka;
  readonly topic: string;
  readonly store: CheckpointStore;
  readonly table: Sink<Total>;
}

// #region each-batch
/** The loop of a consumer that exists: eachBatch hands over, and a checkpoint lies between two batches. */
export async function consume({ client, topic, store, table }: Surroundings, first: Offsets) {
  let totals: Record<string, number> = {};
  const consumer = client.consumer({ groupId: `totals-of-${topic}` });
  const record = ({ value }: EachBatchMessage): Order => JSON.parse(String(value)) as Order;
  const { source, eachBatch } = eachBatchSource({ consumer, topic, start: first, record });
  const state = jsonState(
    () => totals,
    (saved: Record<string, number>) => void (totals = saved),
  );
  const coordinator = new CheckpointCoordinator({
    pipeline: 'totals',
    store,
    sources: { orders: source },
    operators: { totals: state },
    sinks: { table },
  });
  await coordinator.start();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
  const run = async (): Promise<void> => {
    for await (const { records, sinks } of coordinator.batches(source)) {
      for (const { account, amount } of records) {
        totals[account] = (totals[account] ?? 0) + amount;
        await sinks.table.write([{ account, amount: totals[account] }]);
      }
    }
    await consumer.disconnect();
  };
  return { coordinator, run };
}
// #endregion each-batch

async function main(): Promise<void> {
  const [brokers, topic] = [process.env.KAFKA_BROKERS, process.env.KAFKA_TOPIC];
  if (brokers === undefined || topic === undefined) {
    console.log('set KAFKA_BROKERS, and KAFKA_TOPIC: a topic of {"account": …, "amount": …}');
    return;
  }
  const client = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  await totalsPipeline(client, topic, consoleSink()).run({ store: new MemoryCheckpointStore() });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
