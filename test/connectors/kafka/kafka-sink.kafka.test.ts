// The Kafka sink in both classes against a real broker: the obligations, and what only a broker does.

import { afterEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTidegateError } from 'tidegate';
import { systemClock } from 'tidegate/extend';
import type { SinkInspector, TwoPhaseSink, TwoPhaseSinkSession } from 'tidegate/extend';
import { kafkaSink } from 'tidegate/kafka';
import type { KafkaSinkOptions } from 'tidegate/kafka';
import { describeTwoPhaseSink } from 'tidegate/testing';
import { withDeadline } from '../../../src/runtime/deadline.js';
import { attempt, calm, idOf, ownerOf } from '../../../src/testing/conformance/sink-bench.js';
import { freezeBroker, isBrokerOurs, killBroker, launch } from './broker.js';
import { newTopic, pause, driverUnderTest, isConfluent } from './topics.js';

interface Row {
  readonly number: number;
}

interface Place {
  readonly topic: string;
  readonly markerTopic: string;
}

const driver = driverUnderTest();
/** Confluent's client cannot read the configuration of a topic: skipped in a run with it. */
const needsConfig = isConfluent ? test.skip : test;
const folders: string[] = [];
const sessions: SinkInspector[] = [];

afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close?.();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

for (const isStaged of [false, true]) {
  describeTwoPhaseSink<Row>(
    {
      name: isStaged ? 'a Kafka sink with staging' : 'a Kafka sink without staging',
      record: (number) => ({ number }),
      create: async () => {
        const place = await newPlace();
        const staging = isStaged ? { staging: newFolder() } : {};
        return { connect: () => sinkOn(place, staging), visible: () => rowsIn(place.topic) };
      },
    },
    { describe, test },
  );
}

describe('traps', () => {
  needsConfig('a marker topic is made that keeps its newest record', async () => {
    const place = await newPlace();
    await open(sinkOn(place), 1);
    const admin = await driver.admin(calm);
    const config = await admin.topicConfig(place.markerTopic, ['cleanup.policy'], calm);
    expect(config.get('cleanup.policy')).toBe('compact');
    expect(await admin.describeTopic(place.markerTopic, calm)).toMatchObject({ partitions: 1 });
    await admin.close();
  });

  test('a transaction that is open for too long is absent, and the setting is named', async () => {
    const place = await newPlace();
    const session = await open(sinkOn(place, { transactionTimeoutMs: 1_000 }), 1);
    const handle = await prepared(session, 1, [1]);
    // The broker looks for such transactions every ten seconds.
    await pause(13_000);
    await expect(session.commit(handle, calm)).rejects.toMatchObject({
      message: expect.stringContaining('transactionTimeoutMs'),
    });
    const next = await open(sinkOn(place), 2);
    expect(await next.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('absent');
    expect(await rowsIn(place.topic)).toEqual([]);
  });

  test('a transaction timeout that the broker does not take is named with both settings', async () => {
    const sink = sinkOn(await newPlace(), { transactionTimeoutMs: 2_000_000 });
    await expect(sink.open(ownerOf(1), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_TIMEOUT',
      message: expect.stringMatching(/transactionTimeoutMs.*2000000.*transaction.max.timeout.ms/),
    });
  });

  test('epochs that follow each other at once are all committed', async () => {
    const place = await newPlace();
    const session = await open(sinkOn(place), 1);
    for (let sequence = 1; sequence <= 40; sequence += 1) {
      const handle = await prepared(session, sequence, [sequence]);
      expect(await session.commit(handle, calm)).toBe('applied');
    }
    expect(await rowsIn(place.topic)).toHaveLength(40);
    const next = await open(sinkOn(place), 2);
    expect(await next.lastCommitted(calm)).toBe(idOf(1, 40));
  });

  test('an end that is not answered is unknown, and the next generation knows', async () => {
    if (!isBrokerOurs()) return;
    const place = await newPlace();
    const session = await open(sinkOn(place), 1);
    const handle = await prepared(session, 1, [1]);
    freezeBroker(true);
    try {
      const bounded = { signal: AbortSignal.timeout(1_500) };
      await expect(session.commit(handle, bounded)).rejects.toMatchObject({ kind: 'in-doubt' });
    } finally {
      freezeBroker(false);
    }
    await expect(session.commit(handle, calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_WRITE_FAILED',
    });
    const next = await open(sinkOn(place), 2);
    const found = await next.inspect({ checkpointId: idOf(1, 1), handle }, calm);
    // Whatever came first, the end or the fence: marker and data are there, or neither.
    expect(await rowsIn(place.topic)).toEqual(found === 'committed' ? [{ number: 1 }] : []);
    await pause(500);
    expect(await next.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe(found);
  });
});

test('a broker that is killed under an open transaction loses nothing that was committed', async () => {
  if (!isBrokerOurs()) return;
  const place = await newPlace();
  const session = await open(sinkOn(place), 1);
  await session.commit(await prepared(session, 1, [1]), calm);
  const handle = await prepared(session, 2, [2]);
  await killBroker();
  await launch();
  await session.commit(handle, { signal: AbortSignal.timeout(20_000) }).catch(() => undefined);
  const next = await openAgain(sinkOn(place), 2);
  expect(await next.inspect({ checkpointId: idOf(1, 1) }, calm)).toBe('committed');
  const second = await next.inspect({ checkpointId: idOf(1, 2), handle }, calm);
  const rows = second === 'committed' ? [{ number: 1 }, { number: 2 }] : [{ number: 1 }];
  expect(await rowsIn(place.topic)).toEqual(rows);
});

describe('sizes', () => {
  test('many records of one write are sent in batches that the broker takes', async () => {
    const place = await newPlace();
    const session = await open(sinkOn(place), 1);
    const numbers = Array.from({ length: 60_000 }, (_, index) => index);
    const handle = await prepared(session, 1, numbers);
    expect(await session.commit(handle, calm)).toBe('applied');
    expect((await rowsIn(place.topic)).map(({ number }) => number)).toEqual(numbers);
  });

  test('records of 5 MB go through where the topic takes them, staged or not', async () => {
    const topic = await newTopic(1, { 'max.message.bytes': '6000000' });
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(5_000_000));
    for (const staging of [{}, { staging: newFolder() }]) {
      const place = { topic, markerTopic: `m-${randomUUID()}` };
      const sink = sinkOn(place, { ...staging, value: ({ number }) => texts[number] ?? null });
      const session = await open(sink, 1);
      const handle = await prepared(session, 1, [0, 1, 2]);
      expect(await session.commit(handle, calm)).toBe('applied');
    }
    const lengths = (await valuesIn(topic)).map((value) => value?.byteLength);
    expect(lengths).toEqual(Array.from({ length: 6 }, () => 5_000_000));
  });

  needsConfig('a record that the topic does not take is refused before it is staged', async () => {
    const topic = await newTopic(1, { 'max.message.bytes': '1000' });
    const place = { topic, markerTopic: `m-${randomUUID()}` };
    const sink = sinkOn(place, { value: () => 'x'.repeat(1_500), staging: newFolder() });
    const session = await open(sink, 1);
    await expect(Promise.resolve(session.write([{ number: 1 }]))).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_TOO_LARGE',
    });
    await expect(session.preCommit(attempt(1, 1), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_WRITE_FAILED',
    });
  });

  needsConfig('a batch that is as large as the topic takes is taken by the broker', async () => {
    const topic = await newTopic(1, { 'max.message.bytes': '2000' });
    const place = { topic, markerTopic: `m-${randomUUID()}` };
    const sizes = Array.from({ length: 400 }, (_, index) => 1 + ((index * 37) % 1_900));
    const sink = sinkOn(place, {
      key: ({ number }) => `k${number}`,
      value: ({ number }) => 'x'.repeat(sizes[number] ?? 0),
      headers: ({ number }) => (number % 3 === 0 ? { größe: String(number) } : {}),
    });
    const session = await open(sink, 1);
    const numbers = sizes.flatMap((size, index) => (size <= 1_850 ? [index] : []));
    expect(await session.commit(await prepared(session, 1, numbers), calm)).toBe('applied');
    expect(await valuesIn(topic)).toHaveLength(numbers.length);
  });
});

test('a staged epoch is sent by a fresh process', async () => {
  const place = await newPlace();
  const staging = newFolder();
  const first = await open(sinkOn(place, { staging }), 1);
  const numbers = Array.from({ length: 20_000 }, (_, index) => index);
  const handle = await prepared(first, 1, numbers);
  const second = await open(sinkOn(place, { staging }), 2);
  expect(await second.commit(handle, calm)).toBe('applied');
  expect(await second.commit(handle, calm)).toBe('already-applied');
  expect((await rowsIn(place.topic)).map(({ number }) => number)).toEqual(numbers);
});

test('tombstones, binary keys and headers arrive as they were given', async () => {
  // The times are old: retention would take the records.
  const place = await newPlace({ 'retention.ms': '-1' });
  const sink = sinkOn(place, {
    key: () => new Uint8Array([0, 255]),
    value: ({ number }) => (number === 2 ? null : 'text'),
    headers: () => ({ bytes: new Uint8Array([254, 0]), text: 'ä' }),
    timestampMs: ({ number }) => 1_000 + number,
  });
  const session = await open(sink, 1);
  await session.commit(await prepared(session, 1, [1, 2]), calm);
  const records = await recordsIn(place.topic);
  expect(records.map(({ value }) => value?.toString() ?? null)).toEqual(['text', null]);
  expect(records.map(({ timestampMs }) => timestampMs)).toEqual([1_001, 1_002]);
  for (const { key, headers } of records) {
    expect(key).toEqual(Buffer.from([0, 255]));
    expect(headers).toEqual([
      ['bytes', Buffer.from([254, 0])],
      ['text', Buffer.from('ä')],
    ]);
  }
});

test('records without a key are spread over partitions, also one in each transaction', async () => {
  const topic = await newTopic(3);
  const sink = kafkaSink<Row>({ kafka: driver, topic, markerTopic: `m-${randomUUID()}` });
  const session = await open(sink, 1);
  for (const sequence of [1, 2, 3]) {
    await session.commit(await prepared(session, sequence, [sequence]), calm);
  }
  const admin = await driver.admin(calm);
  const ends = [...(await admin.ranges(topic, calm)).values()].map(({ high }) => Number(high));
  await admin.close();
  expect(ends.every((high) => high >= 1)).toBe(true);
});

async function newPlace(config: Readonly<Record<string, string>> = {}): Promise<Place> {
  return { topic: await newTopic(1, config), markerTopic: `m-${randomUUID()}` };
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-sink-'));
  folders.push(folder);
  return join(folder, 'staging');
}

function sinkOn(place: Place, options: Partial<KafkaSinkOptions<Row>> = {}): TwoPhaseSink<Row> {
  return kafkaSink<Row>({ kafka: driver, ...place, partition: () => 0, ...options });
}

async function open(
  sink: TwoPhaseSink<Row>,
  generation: number,
): Promise<TwoPhaseSinkSession<Row>> {
  const session = await sink.open(ownerOf(generation), calm);
  sessions.push(session);
  return session;
}

/** As recovery does it: a broker that has just started is not ready for everything. */
async function openAgain(
  sink: TwoPhaseSink<Row>,
  generation: number,
): Promise<TwoPhaseSinkSession<Row>> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await open(sink, generation);
    } catch (error) {
      const isPassing = isTidegateError(error) && ['retryable', 'in-doubt'].includes(error.kind);
      if (!isPassing || attempts > 40) throw error;
      await pause(500);
    }
  }
}

async function prepared(
  session: TwoPhaseSinkSession<Row>,
  sequence: number,
  numbers: readonly number[],
): Promise<string> {
  await session.write(numbers.map((number) => ({ number })));
  return (await session.preCommit(attempt(1, sequence), calm)).handle;
}

async function rowsIn(topic: string): Promise<readonly Row[]> {
  return (await valuesIn(topic)).map((value) => JSON.parse(String(value)) as Row);
}

async function valuesIn(topic: string): Promise<readonly (Buffer | null)[]> {
  return (await recordsIn(topic)).map(({ value }) => value);
}

/**
 * What a read_committed reader sees of partition 0, in the order of offsets: up to the end as it is now, or
 * to a transaction that stays open.
 */
async function recordsIn(topic: string) {
  const admin = await driver.admin(calm);
  const { low = 0n, high = 0n } = (await admin.ranges(topic, calm)).get(0) ?? {};
  await admin.close();
  if (low === high) return [];
  const consumer = await driver.consumer({ topic, from: new Map([[0, low]]) }, calm);
  const reads = consumer.reads(calm)[Symbol.asyncIterator]();
  const found = [];
  try {
    for (;;) {
      // Ends of transactions are written behind their answer: a second is long for one.
      const bound = { clock: systemClock, timeoutMs: 1_000 };
      const next = await withDeadline(bound, () => reads.next());
      if (next.kind === 'failed') throw next.error;
      if (next.kind !== 'answered' || next.value.done === true) return found;
      const read = next.value.value;
      if (read.kind !== 'records') continue;
      found.push(...read.records);
      if (read.nextOffset >= high) return found;
    }
  } finally {
    await consumer.close();
  }
}
