// The Kafka source against a real broker: what it hands out, and where it goes on.

import { describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { systemClock } from 'tidegate/extend';
import type { Clock } from 'tidegate/extend';
import { json, kafkaSource } from 'tidegate/kafka';
import { kafka, neverAborted, take, textSource, valuesOf } from './reading.js';
import { admin, client, isConfluent, newTopic, numbered, pause, send } from './topics.js';

/** Waits a hundredth of the time, so that what happens every 20 s is seen in a test. */
const hastyClock: Clock = {
  ...systemClock,
  setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs / 100),
};

describe('a Kafka source', () => {
  test('goes on behind every one of its batches, as often as it is asked to', async () => {
    const topic = await newTopic(2);
    await send(topic, [...numbered(0, 9), ...numbered(1, 4)]);
    const bounded = { until: 'end', batchRecords: 2 } as const;
    const { records, batches } = await take(textSource(topic, bounded));
    expect(valuesOf(records)).toHaveLength(13);
    for (const [index, { offsets }] of batches.entries()) {
      const before = batches.slice(0, index + 1).flatMap((batch) => batch.records);
      const source = textSource(topic, bounded);
      for (let time = 0; time < 2; time++) {
        await source.restore(offsets, neverAborted());
        expect(await source.position()).toMatchObject({ offsets });
        const rest = await take(source);
        expect(valuesOf([...before, ...rest.records])).toEqual(valuesOf(records));
      }
    }
  });

  test('writes offsets as LaminarDB does, and the names of cluster and topic beside them', async () => {
    const topic = await newTopic(2);
    await send(topic, numbered(1, 3));
    const source = textSource(topic);
    const { clusterId } = await (await admin()).describeCluster();
    const id = expect.stringMatching(/^\S{22}$/) as unknown;
    const named = isConfluent ? { 'topic-id': id } : { cluster: clusterId };
    expect(await source.position()).toEqual({
      offsets: { topic, ...named, 'partition-0': '0', 'partition-1': '0' },
      metadata: {
        connector: 'kafka',
        client: kafka.client,
        topic,
        ...(isConfluent ? { topicId: id, cluster: 'unknown' } : { cluster: clusterId }),
        partitions: '2',
      },
    });
    const { offsets } = await take(source, 3);
    expect(offsets).toMatchObject({ 'partition-0': '0', 'partition-1': '3' });
    const other = textSource(topic);
    await other.restore({ 'partition-0': '0', 'partition-1': '2' }, neverAborted());
    expect(valuesOf((await take(other, 1)).records)).toEqual(['1:2']);
  });

  test('ends where the topic ended at the first start, also after a restart', async () => {
    const topic = await newTopic(2);
    await send(topic, [...numbered(0, 3), ...numbered(1, 3)]);
    const first = textSource(topic, { until: 'end', batchRecords: 1 });
    const { offsets } = await take(first, 2);
    await send(topic, [...numbered(0, 3, 3), ...numbered(1, 3, 3)]);
    const second = textSource(topic, { until: 'end' });
    await second.restore(offsets, neverAborted());
    expect((await take(second)).records).toHaveLength(4);
  });

  test('ends behind the aborted records that are the last ones', async () => {
    const topic = await newTopic(1);
    await send(topic, numbered(0, 2));
    const producer = client().producer({ transactionalId: randomUUID(), maxInFlightRequests: 1 });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: numbered(0, 5, 100) });
    await transaction.abort();
    await producer.disconnect();
    expect(valuesOf((await take(textSource(topic, { until: 'end' }))).records)).toEqual([
      '0:0',
      '0:1',
    ]);
  });

  test('waits for a transaction that is open, and hands out what it commits', async () => {
    const topic = await newTopic(1);
    const producer = client().producer({ transactionalId: randomUUID(), maxInFlightRequests: 1 });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: numbered(0, 2) });
    await send(topic, numbered(0, 1, 2));
    const taking = take(textSource(topic, { until: 'end' }));
    await pause(600);
    await transaction.commit();
    await producer.disconnect();
    expect(valuesOf((await taking).records)).toEqual(['0:0', '0:1', '0:2']);
  });

  test('of an empty topic waits, or ends at once where it is bounded', async () => {
    const topic = await newTopic(3);
    expect((await take(textSource(topic, { until: 'end' }))).records).toEqual([]);
    const taking = take(textSource(topic), 1);
    await pause(400);
    await send(topic, numbered(2, 1));
    expect(valuesOf((await taking).records)).toEqual(['2:0']);
  });

  test('ends soon after its signal is aborted, on a quiet topic', async () => {
    const topic = await newTopic(1);
    const controller = new AbortController();
    const reading = textSource(topic).read({ signal: controller.signal })[Symbol.asyncIterator]();
    const next = reading.next();
    await pause(300);
    const startedMs = performance.now();
    controller.abort();
    expect((await next).done).toBe(true);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });

  test('begins at the end, or at the offsets given', async () => {
    const topic = await newTopic(2);
    await send(topic, [...numbered(0, 3), ...numbered(1, 3)]);
    const atOffsets = textSource(topic, { from: { 1: 2n }, until: 'end' });
    expect(valuesOf((await take(atOffsets)).records)).toEqual(['0:0', '0:1', '0:2', '1:2']);
    expect((await take(textSource(topic, { from: 'end', until: 'end' }))).records).toEqual([]);
    await expect(textSource(topic, { from: { 0: 7n } }).position()).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_OPTIONS',
    });
  });

  test('reads a new partition from its start, and goes on with it after a restart', async () => {
    const topic = await newTopic(1);
    await send(topic, numbered(0, 2));
    const source = textSource(topic, { clock: hastyClock });
    const taking = take(source, 5);
    await pause(300);
    await (await admin()).createPartitions({ topicPartitions: [{ topic, count: 2 }] });
    await pause(300);
    await send(topic, numbered(1, 3));
    const { records, offsets } = await taking;
    expect(valuesOf(records)).toEqual(['0:0', '0:1', '1:0', '1:1', '1:2']);
    expect(offsets).toMatchObject({ 'partition-1': '3' });
    await (await admin()).createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    await pause(300);
    await send(topic, numbered(2, 2));
    const again = textSource(topic);
    await again.restore(offsets, neverAborted());
    expect(valuesOf((await take(again, 2)).records)).toEqual(['2:0', '2:1']);
  });

  test('gives tombstones, keys, repeated headers and the time of the broker', async () => {
    const topic = await newTopic(1, { 'message.timestamp.type': 'LogAppendTime' });
    const beforeMs = Date.now();
    const headers = { trace: ['a', 'b'] };
    await send(topic, [{ partition: 0, key: 'gone', value: null, headers, timestamp: '1' }]);
    const [record] = (await take(textSource(topic, { until: 'end' }))).records;
    expect(record).toMatchObject({ key: Buffer.from('gone'), value: null, offset: 0n });
    expect(record?.headers.map(([name, value]) => `${name} ${String(value)}`)).toEqual([
      'trace a',
      'trace b',
    ]);
    expect(record?.timestampMs).toBeGreaterThanOrEqual(beforeMs - 1_000);
  });

  test('reads messages of five megabytes and two hundred partitions', async () => {
    const large = await newTopic(1, { 'max.message.bytes': '6000000' });
    const value = 'x'.repeat(5_000_000);
    await send(large, [
      { partition: 0, value },
      { partition: 0, value: 'small' },
    ]);
    const got = (await take(textSource(large, { until: 'end' }))).records;
    expect(got.map((record) => record.value?.length)).toEqual([5_000_000, 5]);
    const wide = await newTopic(200);
    await send(wide, Array.from({ length: 200 }, (_, partition) => numbered(partition, 3)).flat());
    const { records, offsets } = await take(textSource(wide, { until: 'end' }));
    expect(new Set(records.map((record) => record.value)).size).toBe(600);
    const again = textSource(wide, { until: 'end' });
    await again.restore(offsets, neverAborted());
    expect((await take(again)).records).toEqual([]);
  });

  test('does with a record that cannot be decoded what it was asked to', async () => {
    const topic = await newTopic(1);
    await send(topic, [
      { partition: 0, value: '{"n":1}' },
      { partition: 0, value: 'secret-91' },
      { partition: 0, value: '{"n":12345678901234567890}' },
      { partition: 0, value: Buffer.from([0xff, 0xfe]) },
      { partition: 0, value: '{"n":2}' },
    ]);
    const options = { kafka, topic, value: json(), from: 'start', until: 'end' } as const;
    const failing = take(kafkaSource(options));
    await expect(failing).rejects.toMatchObject({ code: 'TIDEGATE_SOURCE_RECORD' });
    await expect(failing).rejects.toThrow(/partition 0, offset 1: (?!.*secret)/);
    const skipping = await take(kafkaSource({ ...options, onBadRecord: 'skip' }));
    expect(skipping.records.map(({ value }) => value)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(skipping.batches[0]?.input?.skipped).toMatchObject({ number: 1, 'not UTF-8': 1 });
    const replacing = await take(
      kafkaSource({
        ...options,
        onBadRecord: ({ reason, offset, ...bad }) => ({ ...bad, offset, value: { reason } }),
      }),
    );
    expect(replacing.records).toHaveLength(5);
  });
});
