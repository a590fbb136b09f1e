// Topics with random names on the real broker, written and looked at with kafkajs alone.

import { afterAll } from '@jest/globals';
import {
  Kafka,
  logLevel,
  Partitioners,
  type Admin,
  type ITopicConfig,
  type Message,
} from 'kafkajs';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { confluentKafka, kafkaJs } from 'tidegate/kafka';
import type { ConfluentModule, KafkaDriver } from 'tidegate/kafka';

/** A client of the broker under test. */
export function client(): Kafka {
  const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
  return new Kafka({
    brokers,
    clientId: 'test',
    logLevel: logLevel.NOTHING,
    // A broker that has just come up leads its partitions a moment later.
    retry: { retries: 10, initialRetryTime: 50, maxRetryTime: 500 },
  });
}

/**
 * The driver under test: kafkajs, or Confluent's client where `TIDEGATE_CONFLUENT` names the folder in
 * which it is installed (it takes minutes to build, so it is no dependency).
 */
export function driverUnderTest(): KafkaDriver {
  const folder = process.env.TIDEGATE_CONFLUENT;
  if (folder === undefined) return kafkaJs(client());
  const load = createRequire(`${folder}/package.json`);
  const module = load('@confluentinc/kafka-javascript') as ConfluentModule;
  return confluentKafka(module, { 'bootstrap.servers': process.env.KAFKA_BROKERS ?? '' });
}

/** Whether it is Confluent's client. */
export const isConfluent = process.env.TIDEGATE_CONFLUENT !== undefined;

let shared: Promise<Admin> | undefined;

/** Connected once for a test file. */
export function admin(): Promise<Admin> {
  shared ??= (async () => {
    const connected = client().admin();
    await connected.connect();
    return connected;
  })();
  return shared;
}

afterAll(async () => {
  await (await shared)?.disconnect();
});

/** Makes a topic with a name that no other test has. */
export async function newTopic(
  partitions = 1,
  config: Readonly<Record<string, string>> = {},
  more: Partial<ITopicConfig> = {},
): Promise<string> {
  const topic = `t-${randomUUID()}`;
  await createTopic(topic, partitions, config, more);
  return topic;
}

export async function createTopic(
  topic: string,
  partitions: number,
  config: Readonly<Record<string, string>> = {},
  more: Partial<ITopicConfig> = {},
): Promise<void> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  const topics = [{ topic, numPartitions: partitions, configEntries, ...more }];
  const connected = await admin();
  await connected.createTopics({ topics, waitForLeaders: false });
  // The controller answers before the broker has all partitions.
  for (let tries = 0; ; tries++) {
    try {
      const offsets = await connected.fetchTopicOffsets(topic);
      if (offsets.length === partitions) return;
    } catch (error) {
      if (tries > 100) throw error;
    }
    await pause(50);
  }
}

/** Deletes it and waits until its name is free again. */
export async function deleteTopic(topic: string): Promise<void> {
  await (await admin()).deleteTopics({ topics: [topic] });
  while ((await (await admin()).listTopics()).includes(topic)) await pause(20);
}

/** Moves the start of a partition, as retention does. */
export async function deleteRecords(
  topic: string,
  partition: number,
  before: number,
): Promise<void> {
  const connected = await admin();
  // kafkajs finds the leader only of topics that it has looked at before.
  await connected.fetchTopicOffsets(topic);
  const partitions = [{ partition, offset: String(before) }];
  await connected.deleteTopicRecords({ topic, partitions });
}

/** Sends outside of any transaction; messages name their partitions. */
export async function send(topic: string, messages: readonly Message[]): Promise<void> {
  const producer = client().producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic, messages: [...messages] });
  await producer.disconnect();
}

/** `count` messages for a partition, whose values are `<partition>:<number>`. */
export function numbered(partition: number, count: number, first = 0): Message[] {
  return Array.from({ length: count }, (_, index) => ({
    partition,
    key: `k${(first + index) % 7}`,
    value: `${partition}:${first + index}`,
  }));
}

/** Waiting for the broker is waiting for a real thing. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
