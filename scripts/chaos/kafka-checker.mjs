// Reads a topic as any consumer with read_committed does, with kafkajs alone, and says where it ends.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';

const patienceMs = 30_000;

/**
 * Every value up to the end of each partition, and the partitions whose end no read_committed reader
 * reaches because a transaction was left open.
 */
export async function readTopic(brokers, topic) {
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = new Map(
    (await admin.fetchTopicOffsets(topic))
      .filter(({ low, high }) => BigInt(high) > BigInt(low))
      .map(({ partition, high }) => [partition, BigInt(high)]),
  );
  await admin.disconnect();
  const consumer = kafka.consumer({ groupId: `check-${randomUUID()}`, maxWaitTimeInMs: 200 });
  const values = [];
  const reach = (partition, next) => {
    if (next >= (ends.get(partition) ?? 0n)) ends.delete(partition);
  };
  // A batch of control records and aborted ones alone is told of by this event only.
  consumer.on(consumer.events.START_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize === 0) reach(payload.partition, BigInt(payload.lastOffset) + 1n);
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch }) => {
      for (const { value } of batch.messages) values.push(value?.toString('utf8') ?? 'null');
      reach(batch.partition, BigInt(batch.lastOffset()) + 1n);
      return Promise.resolve();
    },
  });
  const endMs = Date.now() + patienceMs;
  while (ends.size > 0 && Date.now() < endMs) await delay(50);
  await consumer.disconnect();
  return { values, leftOpen: ends.size };
}
