// Positions that a topic does not hold any longer: refused by name, never reset.

import { describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { goesOnAt } from '../../../src/contracts/lost-input.js';
import { isTidegateError } from 'tidegate';
import { systemClock } from 'tidegate/extend';
import type { Clock, Offsets } from 'tidegate/extend';
import { kafkaJs } from 'tidegate/kafka';
import { neverAborted, take, textSource, valuesOf, type TextSource } from './reading.js';
import {
  admin,
  createTopic,
  deleteRecords,
  deleteTopic,
  newTopic,
  numbered,
  send,
  isConfluent,
} from './topics.js';

const hastyClock: Clock = {
  ...systemClock,
  setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs / 100),
};

/** Where the client gives ids of topics, they are compared first. */
const unlessById = (reason: RegExp): RegExp => (isConfluent ? /made anew: its id was/ : reason);

describe('a position is refused', () => {
  test('when the topic was made anew and is shorter, and the loss can be accepted', async () => {
    const topic = await newTopic(1);
    await send(topic, numbered(0, 5));
    const { offsets } = await take(textSource(topic), 5);
    await deleteTopic(topic);
    await createTopic(topic, 1);
    await send(topic, numbered(0, 2, 50));
    const refused = await refusalOf(topic, offsets);
    expect(refused).toMatch(unlessById(/partition 0 is 5, above its end 2/));
    const accepting = await acceptLoss(topic, offsets);
    expect(valuesOf((await take(accepting, 2)).records)).toEqual(['0:50', '0:51']);
  });

  test('when the topic was made anew and is longer, before a record of it is handed out', async () => {
    const topic = await newTopic(1);
    await send(topic, numbered(0, 5));
    const { offsets } = await take(textSource(topic), 5);
    await deleteTopic(topic);
    await createTopic(topic, 1);
    await send(topic, numbered(0, 20, 50));
    const refused = await refusalOf(topic, offsets);
    expect(refused).toMatch(unlessById(/at offset 4 is another one than was read/));
    const accepting = await acceptLoss(topic, offsets);
    expect((await take(accepting, 20)).records).toHaveLength(20);
  });

  test('when it was made anew between the check and the reading', async () => {
    const topic = await newTopic(1);
    await send(topic, numbered(0, 5));
    const { offsets } = await take(textSource(topic), 5);
    const source = textSource(topic);
    await source.restore(offsets, neverAborted());
    await deleteTopic(topic);
    await createTopic(topic, 1);
    await send(topic, numbered(0, 20, 50));
    await expect(take(source, 1)).rejects.toMatchObject({ code: 'TIDEGATE_KAFKA_POSITION' });
  });

  test('when the topic has fewer partitions, and when it is gone', async () => {
    const topic = await newTopic(3);
    await send(topic, numbered(2, 1));
    const { offsets } = await take(textSource(topic), 1);
    await deleteTopic(topic);
    await expect(textSource(topic).restore(offsets, neverAborted())).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_TOPIC',
    });
    await createTopic(topic, 2);
    expect(await refusalOf(topic, offsets)).toMatch(
      unlessById(/partition 2 was read, and it has 2 partitions/),
    );
  });

  // Confluent's client does not give the id of the cluster.
  const needsCluster = isConfluent ? test.skip : test;
  needsCluster('when it is of another cluster or of another topic', async () => {
    const topic = await newTopic(1);
    await send(topic, numbered(0, 1));
    const { offsets } = await take(textSource(topic), 1);
    const elsewhere = { ...offsets, cluster: 'AAAAAAAAAAAAAAAAAAAAAA' };
    expect(await refusalOf(topic, elsewhere)).toMatch(/of cluster AAAAAAAAAAAAAAAAAAAAAA/);
    expect(await (await acceptLoss(topic, elsewhere)).position()).toMatchObject({
      offsets: { cluster: offsets.cluster, 'partition-0': '1' },
    });
    await expect(
      textSource(topic).restore({ ...offsets, topic: 'other' }, neverAborted()),
    ).rejects.toThrow(/the position is of topic other/);
    await expect(textSource(topic).restore({ line: '7' }, neverAborted())).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_OFFSETS',
    });
  });

  test('when retention has passed it, and the loss can be accepted', async () => {
    const topic = await newTopic(2);
    await send(topic, [...numbered(0, 9), ...numbered(1, 2)]);
    const { offsets } = await take(textSource(topic, { batchRecords: 1 }), 3);
    await send(topic, numbered(1, 8, 2));
    await deleteRecords(topic, 0, 9);
    await deleteRecords(topic, 1, 5);
    expect(await refusalOf(topic, offsets)).toMatch(/below its start .*retention/i);
    const { records } = await take(await acceptLoss(topic, offsets), 5);
    expect(valuesOf(records)).toEqual(['1:5', '1:6', '1:7', '1:8', '1:9']);
  });

  test('when retention passes it while it is read', async () => {
    const topic = await newTopic(1, { 'max.message.bytes': '3000000' });
    const value = 'x'.repeat(1_500_000);
    await send(topic, [{ partition: 0, value }]);
    const source = textSource(topic);
    const reading = source.read(neverAborted())[Symbol.asyncIterator]();
    await reading.next();
    // Two answers are held; nothing is fetched while nothing is taken.
    for (let count = 0; count < 6; count++) await send(topic, [{ partition: 0, value }]);
    await deleteRecords(topic, 0, 6);
    let refused: unknown;
    try {
      for (let count = 0; count < 7; count++) await reading.next();
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({ code: 'TIDEGATE_KAFKA_POSITION' });
    expect(String(refused)).toMatch(/below its start 6/);
  });

  test('is not, when retention has deleted only what was read', async () => {
    const topic = await newTopic(1);
    await send(topic, numbered(0, 6));
    const { offsets } = await take(textSource(topic, { batchRecords: 2 }), 4);
    await deleteRecords(topic, 0, 4);
    const source = textSource(topic);
    await source.restore(offsets, neverAborted());
    expect(valuesOf((await take(source, 2)).records)).toEqual(['0:4', '0:5']);
  });

  test('a topic that is made anew while it is read ends the reading', async () => {
    const topic = await newTopic(1);
    await send(topic, numbered(0, 5));
    const source = textSource(topic, { clock: hastyClock });
    const reading = source.read(neverAborted())[Symbol.asyncIterator]();
    await reading.next();
    const toTheEnd = async (): Promise<never> => {
      for (;;) await reading.next();
    };
    const ended = toTheEnd();
    await deleteTopic(topic);
    await createTopic(topic, 1);
    await send(topic, numbered(0, 20, 50));
    await expect(ended).rejects.toThrow(/topic/);
    const { offsets } = (await source.position()) as { offsets: Offsets };
    // librdkafka reads on until the ids are compared.
    if (!isConfluent) expect(offsets).toMatchObject({ 'partition-0': '5' });
    expect(await refusalOf(topic, offsets)).toMatch(/made anew/);
  });
});

describe('trouble is named', () => {
  test('for a broker that is away, and a topic that does not exist', async () => {
    const password = 'pass-4711-secret';
    const away = new Kafka({
      brokers: ['127.0.0.1:1'],
      sasl: { mechanism: 'plain', username: 'user', password },
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
    });
    const source = textSource('t', { kafka: kafkaJs(away) });
    let thrown: unknown;
    try {
      await source.position();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'TIDEGATE_KAFKA_UNREACHABLE', kind: 'retryable' });
    expect(JSON.stringify(thrown) + String((thrown as Error).stack)).not.toContain(password);
    const missing = `none-${randomUUID()}`;
    await expect(textSource(missing).position()).rejects.toThrow(`topic ${missing} does not exist`);
    expect(await (await admin()).listTopics()).not.toContain(missing);
  });
});

async function refusalOf(topic: string, offsets: Offsets): Promise<string> {
  try {
    await textSource(topic).restore(offsets, neverAborted());
  } catch (error) {
    if (!isTidegateError(error) || error.code !== 'TIDEGATE_KAFKA_POSITION') throw error;
    expect(goesOnAt(error)).toBeDefined();
    return error.message;
  }
  throw new Error('the position was not refused');
}

async function acceptLoss(topic: string, offsets: Offsets): Promise<TextSource> {
  const source = textSource(topic);
  await source.restore(offsets, { ...neverAborted(), acceptLoss: true });
  return source;
}
