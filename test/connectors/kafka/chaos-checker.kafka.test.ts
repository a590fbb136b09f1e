// The reader that judges the chaos run, against transactions that are left open.

import { expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
// @ts-expect-error The script is plain JavaScript without types.
import { readTopic } from '../../../scripts/chaos/kafka-checker.mjs';
import { client, newTopic, send } from './topics.js';

const read = readTopic as (
  brokers: string,
  topic: string,
  options?: { readonly patienceMs: number },
) => Promise<{ readonly values: string[]; readonly leftOpen: number }>;
const brokers = process.env.KAFKA_BROKERS ?? '';

test('counts the partitions in which a transaction was left open', async () => {
  const topic = await newTopic(2);
  await send(
    topic,
    [0, 1].map((partition) => ({ partition, value: `kept-${partition}` })),
  );
  const transactionalId = `x-${randomUUID()}`;
  const producer = client().producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [{ partition: 1, value: 'open' }] });
  const left = await read(brokers, topic, { patienceMs: 3_000 });
  expect(left.leftOpen).toBe(1);
  await transaction.abort();
  await producer.disconnect();
  const { leftOpen, values } = await read(brokers, topic);
  expect([leftOpen, values.sort()]).toEqual([0, ['kept-0', 'kept-1']]);
});
