// The Kafka source over compaction and outages, in a loop and in a pipeline, against a real broker.

import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, memorySink } from 'tidegate';
import type { KafkaRecord } from 'tidegate/kafka';
import { freezeBroker, isBrokerOurs, killBroker, launch } from './broker.js';
import { neverAborted, nextOf, take, textSource, valuesOf } from './reading.js';
import { admin, client, newTopic, numbered, pause, send } from './topics.js';

const compacting = {
  'cleanup.policy': 'compact',
  'segment.ms': '100',
  'min.cleanable.dirty.ratio': '0.001',
  'max.compaction.lag.ms': '100',
  'delete.retention.ms': '100',
};
const ours = isBrokerOurs() ? test : test.skip;

describe('a compacted topic', () => {
  test('is read over its gaps, also from offsets that compaction has taken', async () => {
    const topic = await newTopic(1, compacting);
    const keyed = (key: string, value: string) => ({ partition: 0, key, value });
    // The last batch of a producer with an id is kept, without its records.
    const producer = client().producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    await producer.send({ topic, messages: [keyed('a', 'old-1'), keyed('b', 'old-2')] });
    await producer.disconnect();
    for (let round = 0; round < 6; round++) {
      await pause(150);
      await send(topic, [keyed('a', `a-${round}`), keyed('b', `b-${round}`), keyed('c', 'c')]);
    }
    const expected = ['a-5', 'b-5', 'c'];
    for (let tries = 0; tries < 100; tries++) {
      await pause(200);
      await send(topic, [keyed('filler', String(tries))]);
      const { records } = await take(textSource(topic, { until: 'end' }));
      const found = valuesOf(records).filter((value) => !/^\d+$/.test(value ?? ''));
      if (found.length === expected.length) break;
    }
    const { records, offsets } = await take(textSource(topic, { until: 'end', batchRecords: 1 }));
    const found = valuesOf(records).filter((value) => !/^\d+$/.test(value ?? ''));
    expect(found).toEqual(expected);
    expect(offsets['partition-0']).toBe(offsets['end-0']);
    // From the middle of what is gone.
    const { low, high } = (await (await admin()).fetchTopicOffsets(topic))[0] ?? {};
    expect([low, Number(high) > 20]).toEqual(['0', true]);
    for (const from of [1n, 3n, 7n, 12n]) {
      const source = textSource(topic, { until: 'end', from: { 0: from } });
      const values = valuesOf((await take(source)).records);
      expect(values.slice(-1)).toEqual(valuesOf(records).slice(-1));
    }
  });
});

describe('an outage', () => {
  ours('of the broker ends the reading with a failure that passes, and it goes on', async () => {
    const topic = await newTopic(2);
    await send(topic, [...numbered(0, 3), ...numbered(1, 3)]);
    const source = textSource(topic, { batchRecords: 2 });
    const reading = source.read(neverAborted())[Symbol.asyncIterator]();
    const values: (string | null)[] = [];
    while (values.length < 6) {
      const { records } = await nextOf(reading);
      for (const { value } of records) values.push(value);
    }
    const { offsets } = (await source.position()) as { offsets: Record<string, string> };
    const ended = reading.next();
    await killBroker();
    await expect(ended).rejects.toMatchObject({ kind: 'retryable' });
    await expect(source.restore(offsets, neverAborted())).rejects.toMatchObject({
      kind: 'retryable',
    });
    await launch();
    await send(topic, numbered(1, 2, 3));
    await source.restore(offsets, neverAborted());
    expect(valuesOf((await take(source, 2)).records)).toEqual(['1:3', '1:4']);
  });

  ours('in which the broker stands still is waited out', async () => {
    const topic = await newTopic(1);
    await send(topic, numbered(0, 2));
    const source = textSource(topic);
    const reading = source.read(neverAborted())[Symbol.asyncIterator]();
    await reading.next();
    const next = reading.next();
    freezeBroker(true);
    await pause(3_000);
    freezeBroker(false);
    await send(topic, numbered(0, 1, 2));
    expect((await next).value).toMatchObject({ records: [{ value: '0:2' }] });
    await reading.return?.(undefined);
  });

  ours('in the middle of a pipeline loses and doubles nothing', async () => {
    const topic = await newTopic(3);
    const count = 900;
    const parts = [0, 1, 2].flatMap((partition) => numbered(partition, count / 3));
    await send(topic, parts);
    const sink = memorySink<KafkaRecord<string>>();
    const store = new MemoryCheckpointStore();
    const pipeline = new Pipeline('p');
    pipeline.source('in', textSource(topic, { until: 'end', batchRecords: 7 })).to('out', sink);
    const running = pipeline.run({ store, checkpoint: { intervalMs: 20 } });
    await pause(60);
    await killBroker();
    await launch();
    await running;
    const values = sink.records.map(({ value }) => value).sort();
    expect(values).toEqual(parts.map(({ value }) => String(value)).sort());
  });
});

test('a restart reads its first record within a second: no session is waited for', async () => {
  const topic = await newTopic(6);
  await send(topic, numbered(0, 50));
  const first = textSource(topic, { batchRecords: 10 });
  const reading = first.read(neverAborted())[Symbol.asyncIterator]();
  const { offsets } = await nextOf(reading);
  // It is not closed: a killed process does not say good-bye either.
  const startedMs = performance.now();
  const second = textSource(topic);
  await second.restore(offsets, neverAborted());
  await take(second, 1);
  const tookMs = performance.now() - startedMs;
  await reading.return?.(undefined);
  console.log(`first record ${Math.round(tookMs)} ms after the restart`);
  expect(tookMs).toBeLessThan(1_000);
});
