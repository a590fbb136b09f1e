// The Kafka source over a broker in memory: places, refusals, ends, and what a pipeline may expect of it.

import { describe, expect, test } from '@jest/globals';
import { goesOnAt } from '../../../src/contracts/lost-input.js';
import { Pipeline, arraySource } from 'tidegate';
import type { FlushingSink, Offsets } from 'tidegate/extend';
import { kafkaSource, text } from 'tidegate/kafka';
import type { KafkaSourceOptions } from 'tidegate/kafka';
import { FakeKafka } from './fake-kafka.js';
import { neverAborted, take, valuesOf, type TextSource } from './reading.js';

function broker(...logs: readonly (readonly string[])[]): FakeKafka {
  const kafka = new FakeKafka();
  kafka.create('t', Math.max(logs.length, 1));
  for (const [partition, values] of logs.entries()) kafka.append('t', partition, ...values);
  return kafka;
}

function sourceOf(kafka: FakeKafka, options: Partial<KafkaSourceOptions<string>> = {}): TextSource {
  const given = { topic: 't', value: text(), from: 'start', until: 'end', ...options } as const;
  return kafkaSource({ kafka: kafka.driver(), ...given });
}

async function restored(
  kafka: FakeKafka,
  offsets: Offsets,
  options: Partial<KafkaSourceOptions<string>> = {},
): Promise<TextSource> {
  const source = sourceOf(kafka, options);
  await source.restore(offsets, neverAborted());
  return source;
}

describe('a Kafka source', () => {
  test('goes on behind each of its batches', async () => {
    const kafka = broker(['a', 'b', 'c', 'd', 'e'], ['x', 'y']);
    const { batches, records } = await take(sourceOf(kafka, { batchRecords: 2 }));
    for (const [index, { offsets }] of batches.entries()) {
      const before = batches.slice(0, index + 1).flatMap((batch) => batch.records);
      const rest = await take(await restored(kafka, offsets));
      expect(valuesOf([...before, ...rest.records])).toEqual(valuesOf(records));
    }
  });

  test('ends where the topic ended at the first start', async () => {
    const kafka = broker(['a', 'b'], ['x']);
    const { offsets } = await take(sourceOf(kafka, { batchRecords: 1 }), 1);
    kafka.append('t', 0, 'later');
    expect((await take(await restored(kafka, offsets))).records).toHaveLength(2);
  });

  test('refuses a position that retention has passed, and goes on at what is left', async () => {
    const kafka = broker(['a', 'b', 'c', 'd']);
    const { offsets } = await take(sourceOf(kafka, { batchRecords: 1 }), 1);
    kafka.truncate('t', 0, 3);
    const refused = await refusalOf(kafka, offsets);
    expect(String(refused)).toMatch(/offset of partition 0 is 1, below its start 3/);
    expect(goesOnAt(refused)).toBe('the start of what is left, offset 3 of partition 0');
    const source = sourceOf(kafka);
    await source.restore(offsets, { ...neverAborted(), acceptLoss: true });
    expect(valuesOf((await take(source)).records)).toEqual(['d']);
  });

  test.each([
    ['shorter', ['new'], /is 3, above its end 1/],
    ['longer', ['n', 'e', 'w', 'er'], /at offset 2 is another one than was read/],
  ])('refuses a topic that was made anew and is %s', async (_how, values, message) => {
    const { offsets } = await take(sourceOf(broker(['a', 'b', 'c'])));
    const refused = await refusalOf(broker(values), offsets);
    expect(String(refused)).toMatch(message);
  });

  test('refuses another cluster, another topic, and offsets of another kind of source', async () => {
    const kafka = broker(['a']);
    const { offsets } = await take(sourceOf(kafka));
    for (const other of [{ cluster: 'other' }, { topic: 'other' }]) {
      expect(await refusalOf(kafka, { ...offsets, ...other })).toMatchObject({
        code: 'TIDEGATE_KAFKA_POSITION',
      });
    }
    for (const strange of [{}, { line: '3' }, { 'partition-0': '-1' }, { 'end-0': '1' }]) {
      await expect(restored(kafka, strange)).rejects.toMatchObject({
        code: 'TIDEGATE_SOURCE_OFFSETS',
      });
    }
  });

  test('keeps offsets of 64 bits as they are', async () => {
    const kafka = broker(['a']);
    const next = '9223372036854775807';
    expect(String(await refusalOf(kafka, { 'partition-0': next }))).toContain(
      `0 is ${next}, above`,
    );
  });

  test('is no input that comes again in the same order: idempotent sinks are told so', () => {
    const sink: FlushingSink = {
      durability: 'idempotent',
      ordersWrites: true,
      open: () => Promise.reject(new Error('opened')),
    };
    const explained = (from: 'kafka' | 'array'): string => {
      const pipeline = new Pipeline('p', { deterministic: true });
      const stream =
        from === 'kafka'
          ? pipeline.source('s', sourceOf(broker()))
          : pipeline.source('s', arraySource([{ value: 'a' }]));
      (stream as ReturnType<typeof pipeline.source<{ value: string | null }>>)
        .keyBy(() => 'all')
        .aggregate('counts', { initial: 0, add: (count: number) => count + 1 })
        .to('out', sink);
      return pipeline.explain();
    };
    const refusal = 'not every operator is declared deterministic';
    expect(explained('kafka')).toContain(refusal);
    expect(explained('array')).not.toContain(refusal);
  });

  test('lists every problem with its options', () => {
    const wrong = { kafka: {}, topic: '', value: 'json', from: 'middle', joinGroup: true };
    expect(() => kafkaSource(wrong as never)).toThrow(
      /kafka is no driver.*topic is empty.*value is of type string.*from is not/,
    );
  });
});

async function refusalOf(kafka: FakeKafka, offsets: Offsets): Promise<unknown> {
  return restored(kafka, offsets).then(
    () => new Error('not refused'),
    (error: unknown) => error,
  );
}
