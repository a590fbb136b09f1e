// The adapter for Confluent's client over a module that answers as it is told: what needs no broker.

import { describe, expect, test } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { confluentKafka, type ConfluentModule, type KafkaRead } from 'tidegate/kafka';

type Done = (error: unknown, value?: unknown) => void;
type Message = Readonly<Record<string, unknown>>;
interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** One answer of `consume`: records, then the ends that were reached, or an error. */
interface Answer {
  readonly messages?: readonly Message[];
  readonly ends?: readonly Place[];
  readonly error?: unknown;
  /** Called while the answer is on its way. */
  readonly meanwhile?: () => void;
}

const { signal } = new AbortController();
const config = { 'bootstrap.servers': 'localhost:9092' };

class Script {
  answers: Answer[] = [];
  readonly assigned: Place[][] = [];
  readonly produced: unknown[][] = [];
  readonly settings: Record<string, unknown>[] = [];
  /** What `produce` throws, one after the other; undefined lets it through. */
  produceErrors: unknown[] = [];
  deliveryError: unknown = null;
  callErrors: Readonly<Record<string, unknown>> = {};
  described: unknown = [{ partitions: [{ partition: 0 }, { partition: 1 }] }];

  get module(): ConfluentModule {
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const script = this;
    class Client extends EventEmitter {
      constructor(settings: Record<string, unknown>) {
        super();
        script.settings.push(settings);
      }
      connect(_: unknown, done: Done): void {
        script.settle('connect', done);
      }
      disconnect(done: Done): void {
        done(null);
      }
    }
    class KafkaConsumer extends Client {
      assign(places: Place[]): void {
        script.assigned.push(places);
      }
      setDefaultConsumeTimeout(): void {
        // Nothing waits here.
      }
      consume(_: number, done: Done): void {
        const { messages = [], ends = [], error, meanwhile } = script.answers.shift() ?? {};
        setImmediate(() => {
          meanwhile?.();
          for (const end of ends) this.emit('partition.eof', end);
          done(error ?? null, messages);
        });
      }
    }
    class Producer extends Client {
      setPollInterval(): void {
        // Reports come at once.
      }
      initTransactions(_: number, done: Done): void {
        script.settle('init', done);
      }
      beginTransaction(done: Done): void {
        script.settle('begin', done);
      }
      commitTransaction(_: number, done: Done): void {
        script.settle('commit', done);
      }
      abortTransaction(_: number, done: Done): void {
        script.settle('abort', done);
      }
      produce(...given: unknown[]): void {
        const error = script.produceErrors.shift();
        if (error !== undefined) throw error as Error;
        script.produced.push(given);
        const opaque = given[5];
        setImmediate(() => this.emit('delivery-report', script.deliveryError, { opaque }));
      }
    }
    const AdminClient = {
      create: () => ({
        describeTopics: (_: unknown, __: unknown, done: Done) => done(null, script.described),
        disconnect: () => undefined,
      }),
    };
    return { KafkaConsumer, Producer, AdminClient } as unknown as ConfluentModule;
  }

  settle(call: string, done: Done): void {
    const error = this.callErrors[call];
    setImmediate(() => done(error ?? null));
  }
}

const record = (offset: number, partition = 0): Message => ({
  topic: 't',
  partition,
  offset,
  timestamp: 5,
  key: null,
  value: Buffer.from(String(offset)),
  headers: [{ one: Buffer.from('1') }, { one: null }],
});

const failing = (code: number, message = 'refused'): unknown =>
  Object.assign(new Error(message), { code });

async function reader(script: Script) {
  const driver = confluentKafka(script.module, config);
  return driver.consumer({ topic: 't', from: new Map([[0, 3n]]) }, { signal });
}

async function first(reads: AsyncIterable<KafkaRead>): Promise<KafkaRead | undefined> {
  for await (const read of reads) return read;
  return undefined;
}

describe('the factory', () => {
  test('refuses what is not the module, and a configuration without brokers', () => {
    expect(() => confluentKafka({} as never, config)).toThrow(/@confluentinc\/kafka-javascript/);
    expect(() => confluentKafka(new Script().module, {})).toThrow(/bootstrap\.servers/);
  });
});

describe('the consumer', () => {
  test('counts what lies behind the last record up to the end of the partition', async () => {
    const script = new Script();
    script.answers = [
      { messages: [record(3), record(5)], ends: [{ topic: 't', partition: 0, offset: 8 }] },
    ];
    const consumer = await reader(script);
    const read = await first(consumer.reads({ signal }));
    expect(read).toMatchObject({ kind: 'records', partition: 0, offset: 3n, nextOffset: 8n });
    expect(script.assigned).toEqual([[{ topic: 't', partition: 0, offset: 3 }]]);
    expect(read?.kind === 'records' ? read.records[0] : undefined).toMatchObject({
      offset: 3n,
      timestampMs: 5,
      headers: [
        ['one', Buffer.from('1')],
        ['one', null],
      ],
    });
  });

  test('hands out an end without a record, behind aborted ones', async () => {
    const script = new Script();
    script.answers = [{ ends: [{ topic: 't', partition: 0, offset: 9 }] }];
    const read = await first((await reader(script)).reads({ signal }));
    expect(read).toMatchObject({ records: [], nextOffset: 9n });
  });

  test.each([1, 7])('drops what was fetched before a seek to %d', async (offset) => {
    const script = new Script();
    const consumer = await reader(script);
    script.answers = [
      { messages: [record(3)], meanwhile: () => consumer.seek(0, BigInt(offset)) },
      { messages: [record(offset)] },
    ];
    const [from, nextOffset] = [BigInt(offset), BigInt(offset + 1)];
    expect(await first(consumer.reads({ signal }))).toMatchObject({ offset: from, nextOffset });
    expect(script.assigned.at(-1)).toEqual([{ topic: 't', partition: 0, offset }]);
  });

  test('hands out nothing of a partition that was paused while its records came', async () => {
    const script = new Script();
    const consumer = await reader(script);
    script.answers = [
      { messages: [record(3)], meanwhile: () => consumer.pause([0]) },
      { meanwhile: () => consumer.resume([0]) },
      { messages: [record(3)] },
    ];
    expect(await first(consumer.reads({ signal }))).toMatchObject({ offset: 3n, nextOffset: 4n });
    expect(script.assigned).toEqual([
      [{ topic: 't', partition: 0, offset: 3 }],
      [],
      [{ topic: 't', partition: 0, offset: 3 }],
    ]);
  });

  test('is set so that no offset is reset or committed, and only committed records come', async () => {
    const script = new Script();
    await reader(script);
    expect(script.settings[0]).toMatchObject({
      'isolation.level': 'read_committed',
      'enable.auto.commit': false,
      'allow.auto.create.topics': false,
    });
  });

  test.each([
    [-140, 'offset-out-of-range'],
    [29, 'authorization'],
    [3, 'retriable'],
  ])('code %d ends the reading as %s', async (code, kind) => {
    const script = new Script();
    script.answers = [{ error: failing(code) }];
    await expect(first((await reader(script)).reads({ signal }))).rejects.toMatchObject({ kind });
  });

  test('a timeout of one call ends nothing', async () => {
    const script = new Script();
    script.answers = [{ error: failing(-185) }, { messages: [record(3)] }];
    expect(await first((await reader(script)).reads({ signal }))).toMatchObject({ offset: 3n });
  });
});

describe('the producer', () => {
  const options = { transactionalId: 'x', transactionTimeoutMs: 60_000 };
  const message = { topic: 't', key: Buffer.from('k'), value: Buffer.from('v') };

  async function begun(script: Script) {
    const producer = await confluentKafka(script.module, config).producer(options, { signal });
    await producer.init({ signal });
    return producer.begin();
  }

  test('waits for room in the queue, and sends nothing twice', async () => {
    const script = new Script();
    script.produceErrors = [failing(-184), failing(-184)];
    const transaction = await begun(script);
    await transaction.send([message, message], { signal });
    await transaction.commit({ signal });
    expect(script.produced).toHaveLength(2);
  });

  test('a record that was not delivered fails the sending', async () => {
    const script = new Script();
    script.deliveryError = failing(10);
    const transaction = await begun(script);
    await expect(transaction.send([message], { signal })).rejects.toMatchObject({
      kind: 'too-large',
    });
  });

  test.each([
    [-144, 'fenced'],
    [47, 'fenced'],
    [90, 'fenced'],
    [-185, 'unknown-outcome'],
    [-195, 'unknown-outcome'],
  ])('code %d at the commit is %s', async (code, kind) => {
    const script = new Script();
    script.callErrors = { commit: failing(code) };
    const transaction = await begun(script);
    await transaction.send([message], { signal });
    await expect(transaction.commit({ signal })).rejects.toMatchObject({ kind });
  });

  test('a topic that does not exist is refused before anything is sent', async () => {
    const script = new Script();
    script.described = [{ partitions: [], error: { code: 3 } }];
    const transaction = await begun(script);
    await expect(transaction.send([message], { signal })).rejects.toMatchObject({
      kind: 'missing-topic',
    });
    expect(script.produced).toEqual([]);
  });

  test('offsets in a transaction, and configurations of topics, are said to be unsupported', async () => {
    const script = new Script();
    const transaction = await begun(script);
    const offsets = { groupId: 'g', topic: 't', offsets: new Map([[0, 1n]]) };
    await expect(transaction.sendOffsets(offsets, { signal })).rejects.toMatchObject({
      kind: 'unsupported',
    });
    const admin = await confluentKafka(script.module, config).admin({ signal });
    await expect(admin.topicConfig('t', ['x'], { signal })).rejects.toMatchObject({
      kind: 'unsupported',
    });
    expect(await admin.clusterId({ signal })).toBeUndefined();
  });
});
