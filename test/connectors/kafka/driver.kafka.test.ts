// The adapter under test against a real broker: kafkajs, or Confluent's client.

import { afterEach, describe, expect, test } from '@jest/globals';
import type { Producer, Transaction } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import type { KafkaConsumer, RawKafkaRecord } from 'tidegate/kafka';
import {
  admin,
  client,
  deleteRecords,
  newTopic,
  numbered,
  send,
  driverUnderTest,
  isConfluent,
} from './topics.js';

const { signal } = new AbortController();
const driver = driverUnderTest();
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

describe('reading', () => {
  test('begins at the offset given and goes on with what comes', async () => {
    const topic = await newTopic(2);
    await send(topic, [...numbered(0, 5), ...numbered(1, 3)]);
    const consumer = await open(topic, { 0: 3n, 1: 0n });
    expect(await take(consumer, 5)).toEqual(['0:3', '0:4', '1:0', '1:1', '1:2']);
    await send(topic, numbered(1, 1, 3));
    expect(await take(consumer, 1)).toEqual(['1:3']);
  });

  test('leaves out aborted records, also of transactions that overlap and across fetches', async () => {
    const topic = await newTopic(1);
    const [one, other] = [await begun(), await begun()];
    await one.transaction.send({ topic, messages: numbered(0, 3, 100) });
    await other.transaction.send({ topic, messages: numbered(0, 3, 200) });
    await send(topic, [{ partition: 0, value: 'kept-1' }]);
    // A key like the marker of an abort: four zero bytes.
    const zeroKey = { partition: 0, key: Buffer.alloc(4), value: 'aborted-zero-key' };
    await other.transaction.send({ topic, messages: [zeroKey, ...numbered(0, 2, 210)] });
    await other.transaction.abort();
    const again = await other.producer.transaction();
    await again.send({ topic, messages: numbered(0, 2, 220) });
    await one.transaction.send({ topic, messages: numbered(0, 2, 110) });
    await again.abort();
    await one.transaction.abort();
    const third = await one.producer.transaction();
    await third.send({ topic, messages: [{ partition: 0, value: 'kept-2' }] });
    await third.commit();
    // Seen only when the marker of the transaction before it is written, which a commit does not wait for.
    await send(topic, [{ partition: 0, value: 'kept-3' }]);
    const all = await takeRecords(await open(topic, { 0: 0n }), 3);
    expect(all.map(({ value }) => String(value))).toEqual(['kept-1', 'kept-2', 'kept-3']);
    const end = (all.at(-1)?.offset ?? 0n) + 1n;
    for (let from = 1n; from < end; from++) {
      const consumer = await open(topic, { 0: from }, 200);
      const behind = all.filter(({ offset }) => offset >= from);
      expect(await takeUntil(consumer, end)).toEqual(behind);
      await consumer.close();
    }
  });

  test('fails by name where the offset is above the end or below the start', async () => {
    const topic = await newTopic(1);
    await send(topic, numbered(0, 5));
    await deleteRecords(topic, 0, 3);
    for (const from of [9n, 1n]) {
      const consumer = await open(topic, { 0: from });
      await expect(take(consumer, 1)).rejects.toMatchObject({ kind: 'offset-out-of-range' });
    }
  });

  test('gives tombstones, binary headers, names that objects inherit, and times', async () => {
    // The times are old: retention would take the record.
    const topic = await newTopic(1, { 'retention.ms': '-1' });
    const headers = { constructor: 'c', twice: ['a', Buffer.from([0xff])] };
    await send(topic, [
      { partition: 0, key: Buffer.from([0xfe]), value: null, headers, timestamp: '1234567' },
    ]);
    const consumer = await open(topic, { 0: 0n });
    const [record] = await takeRecords(consumer, 1);
    expect(record).toMatchObject({ key: Buffer.from([0xfe]), value: null, timestampMs: 1234567 });
    expect(record?.headers).toEqual([
      ['constructor', Buffer.from('c')],
      ['twice', Buffer.from('a')],
      ['twice', Buffer.from([0xff])],
    ]);
  });

  test('a member is given its partitions, and what it loses is told', async () => {
    const topic = await newTopic(2);
    const group = { id: `g-${randomUUID()}`, sessionTimeoutMs: 6_000 };
    const consumer = await driver.consumer({ topic, from: new Map(), group }, { signal });
    closing.push(() => consumer.close());
    const reads = consumer.reads({ signal })[Symbol.asyncIterator]();
    expect((await reads.next()).value).toEqual({ kind: 'assigned', partitions: [0, 1] });
    const second = await driver.consumer({ topic, from: new Map(), group }, { signal });
    closing.push(() => second.close());
    const secondReads = second.reads({ signal })[Symbol.asyncIterator]();
    const next: unknown = (await reads.next()).value;
    expect(next).toMatchObject({ kind: 'assigned' });
    expect((next as { partitions: number[] }).partitions).toHaveLength(1);
    await secondReads.next();
    const ends = await driver.admin({ signal });
    closing.push(() => ends.close());
    expect(await ends.groupMembers(group.id, { signal })).toHaveLength(2);
  });
});

describe('the admin side', () => {
  test('knows topics, ends, configuration, and commits for a group without members', async () => {
    const topic = await newTopic(2, { 'cleanup.policy': 'compact' });
    await send(topic, numbered(1, 4));
    const connected = await driver.admin({ signal });
    closing.push(() => connected.close());
    expect(await connected.describeTopic(`none-${topic}`, { signal })).toBeUndefined();
    const id = isConfluent ? { id: expect.stringMatching(/^\S{22}$/) as unknown } : {};
    expect(await connected.describeTopic(topic, { signal })).toEqual({ partitions: 2, ...id });
    const ranges = await connected.ranges(topic, { signal });
    expect(ranges.get(1)).toEqual({ low: 0n, high: 4n });
    const config = connected.topicConfig(topic, ['cleanup.policy'], { signal });
    if (isConfluent) await expect(config).rejects.toMatchObject({ kind: 'unsupported' });
    else expect((await config).get('cleanup.policy')).toBe('compact');
    const groupId = `g-${randomUUID()}`;
    await connected.commitOffsets({ groupId, topic, offsets: new Map([[1, 3n]]) }, { signal });
    const [committed] = await (await admin()).fetchOffsets({ groupId, topics: [topic] });
    expect(committed?.partitions).toContainEqual(
      expect.objectContaining({ partition: 1, offset: '3' }),
    );
    const made = { topic: `made-${randomUUID()}`, partitions: 3 };
    expect(await connected.createTopic(made, { signal })).toBe('created');
    expect(await connected.createTopic(made, { signal })).toBe('exists');
  });
});

describe('the producer', () => {
  test('commits records, and a later one of the same id fences it and aborts', async () => {
    const topic = await newTopic(1);
    const transactionalId = `x-${randomUUID()}`;
    const settings = { transactionalId, transactionTimeoutMs: 60_000 };
    const first = await driver.producer(settings, { signal });
    closing.push(() => first.close());
    await first.init({ signal });
    for (const value of ['one', 'two']) {
      const transaction = await first.begin();
      await transaction.send([{ topic, key: null, value: Buffer.from(value) }], { signal });
      await transaction.commit({ signal });
    }
    const open = await first.begin();
    await open.send([{ topic, key: null, value: Buffer.from('lost') }], { signal });
    const second = await driver.producer(settings, { signal });
    closing.push(() => second.close());
    await second.init({ signal });
    await expect(open.commit({ signal })).rejects.toMatchObject({ kind: 'fenced' });
    expect(await values(topic)).toEqual(['one', 'two']);
  });

  test('refuses a timeout that the broker does not allow, and a missing topic', async () => {
    const settings = { transactionalId: `x-${randomUUID()}`, transactionTimeoutMs: 3_600_000 };
    const producer = await driver.producer(settings, { signal });
    closing.push(() => producer.close());
    await expect(producer.init({ signal })).rejects.toMatchObject({ kind: 'timeout-invalid' });
    const good = await driver.producer({ ...settings, transactionTimeoutMs: 10_000 }, { signal });
    closing.push(() => good.close());
    await good.init({ signal });
    const transaction = await good.begin();
    const message = { topic: `none-${randomUUID()}`, key: null, value: null };
    await expect(transaction.send([message], { signal })).rejects.toMatchObject({
      kind: 'missing-topic',
    });
  });
});

async function open(
  topic: string,
  from: Readonly<Record<number, bigint>>,
  maxBytes?: number,
): Promise<KafkaConsumer> {
  const offsets = new Map(
    Object.entries(from).map(([partition, offset]) => [Number(partition), offset]),
  );
  const consumer = await driver.consumer({ topic, from: offsets, maxBytes }, { signal });
  closing.push(() => consumer.close());
  return consumer;
}

async function takeRecords(consumer: KafkaConsumer, count: number): Promise<RawKafkaRecord[]> {
  const records: RawKafkaRecord[] = [];
  for await (const read of consumer.reads({ signal })) {
    if (read.kind === 'records') records.push(...read.records);
    if (records.length >= count) break;
  }
  return records;
}

async function take(consumer: KafkaConsumer, count: number): Promise<string[]> {
  return (await takeRecords(consumer, count)).map(({ value }) => String(value)).sort();
}

/** Records of partition 0 up to an offset. */
async function takeUntil(consumer: KafkaConsumer, end: bigint): Promise<RawKafkaRecord[]> {
  const found: RawKafkaRecord[] = [];
  for await (const read of consumer.reads({ signal })) {
    if (read.kind !== 'records') continue;
    found.push(...read.records);
    if (read.nextOffset >= end) break;
  }
  return found;
}

/** All that is committed: a record outside of transactions is seen only when those before it have ended. */
async function values(topic: string): Promise<string[]> {
  await send(topic, [{ partition: 0, value: 'end' }]);
  const found: string[] = [];
  for await (const read of (await open(topic, { 0: 0n })).reads({ signal })) {
    if (read.kind === 'records') found.push(...read.records.map(({ value }) => String(value)));
    if (found.at(-1) === 'end') break;
  }
  return found.slice(0, -1);
}

async function begun(): Promise<{ producer: Producer; transaction: Transaction }> {
  const producer = client().producer({
    transactionalId: `x-${randomUUID()}`,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  closing.push(() => producer.disconnect());
  return { producer, transaction: await producer.transaction() };
}
