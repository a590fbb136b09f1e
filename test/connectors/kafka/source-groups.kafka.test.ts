// The Kafka source and consumer groups: lag monitors, and members that take partitions away.

import { describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { isTidegateError } from 'tidegate';
import { neverAborted, nextOf, take, textSource, valuesOf } from './reading.js';
import { admin, client, isConfluent, newTopic, numbered, pause, send } from './topics.js';

describe('a group', () => {
  test('is not joined to read: what was acknowledged is committed for lag monitors', async () => {
    const topic = await newTopic(2);
    await send(topic, [...numbered(0, 3), ...numbered(1, 2)]);
    const groupId = `g-${randomUUID()}`;
    const source = textSource(topic, { groupId });
    const { offsets } = await take(source, 5);
    // Of a broker that has just begun, the first group waits for its coordinator.
    await untilTaken(async () => source.acknowledge?.(offsets, neverAborted()));
    expect(await committed(groupId, topic)).toEqual(['3', '2']);
    const reading = source.read(neverAborted())[Symbol.asyncIterator]();
    const next = nextOf(reading);
    await send(topic, numbered(1, 1, 2));
    await source.acknowledge?.((await next).offsets, neverAborted());
    expect(await committed(groupId, topic)).toEqual(['3', '3']);
    await reading.return?.(undefined);
    const { groups } = await (await admin()).describeGroups([groupId]);
    expect(groups[0]?.members).toEqual([]);
  });

  test('leaves the position alone: the manifest decides', async () => {
    const topic = await newTopic(1);
    await send(topic, numbered(0, 4));
    const groupId = `g-${randomUUID()}`;
    const source = textSource(topic, { groupId });
    const { offsets } = await take(source, 4);
    await untilTaken(async () => source.acknowledge?.(offsets, neverAborted()));
    expect(valuesOf((await take(textSource(topic, { groupId }), 4)).records)).toHaveLength(4);
  });

  test('that is joined gives all partitions, and loses none while nothing is taken', async () => {
    const topic = await newTopic(2);
    await send(topic, [...numbered(0, 3), ...numbered(1, 2)]);
    const groupId = `g-${randomUUID()}`;
    const member = { groupId, joinGroup: true, sessionTimeoutMs: 1_500, batchRecords: 1 };
    const source = textSource(topic, member);
    const reading = source.read(neverAborted())[Symbol.asyncIterator]();
    const first = await nextOf(reading);
    // The sink is slow, for three sessions.
    await pause(4_500);
    await source.acknowledge?.(first.offsets, neverAborted());
    const values = first.records.map(({ value }) => value);
    while (values.length < 5) {
      for (const { value } of (await nextOf(reading)).records) values.push(value);
    }
    expect(values.sort()).toEqual(['0:0', '0:1', '0:2', '1:0', '1:1']);
    expect((await (await admin()).describeGroups([groupId])).groups[0]?.members).toHaveLength(1);
    await reading.return?.(undefined);
    expect((await (await admin()).describeGroups([groupId])).groups[0]?.members).toEqual([]);
  });

  // The rival is of kafkajs, which shares no assignor with librdkafka.
  const needsRival = isConfluent ? test.skip : test;
  needsRival(
    'that gives a partition to another member ends the flow, and is joined again',
    async () => {
      const topic = await newTopic(2);
      await send(topic, [...numbered(0, 2), ...numbered(1, 2)]);
      const groupId = `g-${randomUUID()}`;
      const member = { groupId, joinGroup: true, sessionTimeoutMs: 2_000 };
      const source = textSource(topic, member);
      const reading = source.read(neverAborted())[Symbol.asyncIterator]();
      const values: (string | null)[] = [];
      while (values.length < 4) {
        for (const { value } of (await nextOf(reading)).records) values.push(value);
      }
      const { offsets } = (await source.position()) as { offsets: Record<string, string> };
      const ended = reading.next();
      const rival = client().consumer({ groupId, sessionTimeout: 6_000 });
      await rival.connect();
      await rival.subscribe({ topic });
      await rival.run({ eachMessage: () => Promise.resolve(), autoCommit: false });
      await expect(ended).rejects.toMatchObject({
        code: 'TIDEGATE_KAFKA_REBALANCED',
        kind: 'retryable',
      });
      await expect(ended).rejects.toThrow(/its members are test at/);
      await source.restore(offsets, neverAborted());
      // It waits for the partitions; with another member for too long, it says so again.
      await expect(take(source, 1)).rejects.toMatchObject({ code: 'TIDEGATE_KAFKA_REBALANCED' });
      await rival.disconnect();
      await send(topic, [...numbered(0, 1, 2), ...numbered(1, 1, 2)]);
      await source.restore(offsets, neverAborted());
      expect(valuesOf((await take(source, 2)).records)).toEqual(['0:2', '1:2']);
    },
  );
});

/** As the coordinator does it: what fails in a way that passes is repeated. */
async function untilTaken(acknowledge: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await acknowledge();
      return;
    } catch (error) {
      if (!isTidegateError(error) || error.kind !== 'retryable' || tries > 100) throw error;
    }
    await pause(100);
  }
}

async function committed(groupId: string, topic: string): Promise<string[]> {
  const [found] = await (await admin()).fetchOffsets({ groupId, topics: [topic] });
  const partitions = [...(found?.partitions ?? [])].sort(
    (one, other) => one.partition - other.partition,
  );
  return partitions.map(({ offset }) => offset);
}
