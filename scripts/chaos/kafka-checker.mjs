// Reads a topic as any consumer with read_committed does, with kafkajs alone, and says where it ends.

import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { findClassPath } from '../../test/connectors/kafka/jars.ts';

/**
 * Every value of a topic, and how many partitions a transaction was left open in: a record is sent
 * behind everything, outside of any transaction, and read_committed readers see it only when all
 * transactions before it have ended. (The ends that kafkajs' admin gives stop at an open transaction.)
 */
export async function readTopic(brokers, topic, { patienceMs = 30_000 } = {}) {
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  const end = `end-${randomUUID()}`;
  const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition }) => partition);
  const messages = partitions.map((partition) => ({ partition, value: end }));
  await producer.send({ topic, messages });
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  const open = new Set(partitions);
  const consumer = kafka.consumer({ groupId: `check-${randomUUID()}`, maxWaitTimeInMs: 200 });
  const values = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch }) => {
      for (const { value } of batch.messages) {
        const text = value?.toString('utf8') ?? 'null';
        if (text === end) open.delete(batch.partition);
        else if (!text.startsWith('end-')) values.push(text);
      }
      return Promise.resolve();
    },
  });
  const endMs = Date.now() + patienceMs;
  while (open.size > 0 && Date.now() < endMs) await delay(50);
  await consumer.disconnect();
  return { values, leftOpen: open.size };
}

/**
 * Every value, as Kafka's own console reader prints it: where transactions of several producers overlap in
 * a partition, the consumer of kafkajs hands out records of aborted ones.
 */
export function readWithJava(brokers, topic) {
  const reader = ['-cp', findClassPath(), 'org.apache.kafka.tools.consumer.ConsoleConsumer'];
  const what = ['--bootstrap-server', brokers, '--topic', topic, '--from-beginning'];
  const how = ['--isolation-level', 'read_committed', '--timeout-ms', '8000'];
  const { stdout, stderr } = spawnSync('java', ['-Xmx256m', ...reader, ...what, ...how], {
    encoding: 'utf8',
    maxBuffer: 1_073_741_824,
  });
  const values = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('end-'));
  if (values.length === 0) throw new Error(`nothing was read from ${topic}:\n${stderr}`);
  return values;
}
