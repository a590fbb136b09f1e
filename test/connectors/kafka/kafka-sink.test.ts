// The Kafka sink in both classes, over a broker in memory: obligations, faults of each call, refusals.

import { describe, expect, test } from '@jest/globals';
import { silentLogger } from 'tidegate/extend';
import type { TwoPhaseSinkSession } from 'tidegate/extend';
import { kafkaSink } from 'tidegate/kafka';
import type { KafkaSinkOptions } from 'tidegate/kafka';
import { SimulatedDisk, describeTwoPhaseSink } from 'tidegate/testing';
import {
  attempt,
  calm,
  idOf,
  ownerOf,
  secondStore,
} from '../../../src/testing/conformance/sink-bench.js';
import { FakeKafka, quickClock, type KafkaFault, type ProducerCall } from './fake-kafka.js';

interface Row {
  readonly number: number;
}

const topic = 'out';

function broker(): FakeKafka {
  const kafka = new FakeKafka();
  kafka.create(topic, 3);
  return kafka;
}

function sinkOn(kafka: FakeKafka, options: Partial<KafkaSinkOptions<Row>> = {}) {
  const kept = { kafka: kafka.driver(), topic, clock: quickClock };
  return kafkaSink<Row>({ ...kept, partition: () => 0, ...options });
}

const rowsOf = (kafka: FakeKafka): Row[] =>
  kafka.visible(topic).map((value) => JSON.parse(value) as Row);

describeTwoPhaseSink<Row>(
  {
    name: 'a Kafka sink without staging',
    record: (number) => ({ number }),
    create: () => {
      const kafka = broker();
      return { connect: () => sinkOn(kafka), visible: () => rowsOf(kafka) };
    },
  },
  { describe, test },
);

describeTwoPhaseSink<Row>(
  {
    name: 'a Kafka sink with staging',
    record: (number) => ({ number }),
    create: () => {
      const kafka = broker();
      const { fileSystem } = new SimulatedDisk().mount();
      return {
        connect: () => sinkOn(kafka, { staging: '/staging', fileSystem }),
        visible: () => rowsOf(kafka),
      };
    },
  },
  { describe, test },
);

async function prepared(
  session: TwoPhaseSinkSession<Row>,
  sequence: number,
  ...numbers: readonly number[]
): Promise<string> {
  await session.write(numbers.map((number) => ({ number })));
  return (await session.preCommit(attempt(1, sequence), calm)).handle;
}

describe('the end of a transaction that was not answered', () => {
  const cases: readonly [KafkaFault, boolean][] = [
    ['lost-before', false],
    ['lost-after', true],
    ['late', false],
  ];
  test.each(cases)(
    '%s: unknown in this generation, and the next one reads what is true',
    async (fault, isCommitted) => {
      const kafka = broker();
      const session = await sinkOn(kafka).open(ownerOf(1), calm);
      const handle = await prepared(session, 1, 7);
      kafka.fault = (call) => (call === 'commit' ? fault : undefined);
      await expect(session.commit(handle, calm)).rejects.toMatchObject({
        code: 'TIDEGATE_KAFKA_TRANSACTION',
        kind: 'in-doubt',
      });
      kafka.fault = () => undefined;
      // Asked again, the same session must not guess.
      await expect(session.commit(handle, calm)).rejects.toMatchObject({
        code: 'TIDEGATE_SINK_WRITE_FAILED',
      });
      await expect(session.inspect({ checkpointId: idOf(1, 1) }, calm)).rejects.toThrow();
      const next = await sinkOn(kafka).open(ownerOf(2), calm);
      kafka.arrive();
      expect(await next.inspect({ checkpointId: idOf(1, 1) }, calm)).toBe(
        isCommitted ? 'committed' : 'absent',
      );
      expect(await next.commit(handle, calm)).toBe(isCommitted ? 'already-applied' : 'absent');
      expect(rowsOf(kafka)).toEqual(isCommitted ? [{ number: 7 }] : []);
      await session.close?.();
      await next.close?.();
    },
  );
});

describe('a fence', () => {
  test('an end of an overtaken owner is refused, and what it had sent is aborted', async () => {
    const kafka = broker();
    const old = await sinkOn(kafka).open(ownerOf(1), calm);
    const handle = await prepared(old, 1, 1);
    const next = await sinkOn(kafka).open(ownerOf(2), calm);
    // The brokers fence for other reasons too: only the store can say whether there is a newer owner.
    await expect(old.commit(handle, calm)).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_TRANSACTION',
      kind: 'in-doubt',
    });
    expect(rowsOf(kafka)).toEqual([]);
    expect(kafka.openTransactions).toBe(0);
    await next.close?.();
  });

  test('a record of an overtaken owner is refused, in doubt: brokers fence for other reasons too', async () => {
    const kafka = broker();
    const old = await sinkOn(kafka, { batchBytes: 1 }).open(ownerOf(1), calm);
    await old.write([{ number: 1 }]);
    const next = await sinkOn(kafka).open(ownerOf(2), calm);
    await expect(Promise.resolve(old.write([{ number: 2 }]))).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_TRANSACTION',
      kind: 'in-doubt',
      message: expect.stringContaining('transactionTimeoutMs (600000)'),
    });
    expect(rowsOf(kafka)).toEqual([]);
    await old.close?.();
    await next.close?.();
  });

  test('an owner that was overtaken does not fence the newer one when it opens late', async () => {
    const kafka = broker();
    const newer = await sinkOn(kafka).open(ownerOf(2), calm);
    await expect(sinkOn(kafka).open(ownerOf(1), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
    });
    const handle = await newer.preCommit(attempt(2, 1), calm).then((one) => one.handle);
    expect(await newer.commit(handle, calm)).toBe('applied');
    await newer.close?.();
  });

  test('an owner that was overtaken before its first record does not answer for the newer one', async () => {
    const kafka = broker();
    const old = await sinkOn(kafka).open(ownerOf(1), calm);
    const newer = await sinkOn(kafka).open(ownerOf(2), calm);
    await newer.write([{ number: 1 }]);
    const { handle } = await newer.preCommit(attempt(2, 1), calm);
    await newer.commit(handle, calm);
    const asked = { checkpointId: idOf(2, 1), handle };
    for (const question of [old.inspect(asked, calm), old.lastCommitted(calm)]) {
      await expect(question).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
    }
    await expect(old.commit(handle, calm)).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
    await old.close?.();
    expect(await newer.inspect(asked, calm)).toBe('committed');
    await newer.close?.();
  });

  test('an opening whose claim was not answered may be done again by the same sink', async () => {
    const kafka = broker();
    const sink = sinkOn(kafka);
    let commits = 0;
    kafka.fault = (call) => (call === 'commit' && ++commits === 1 ? 'lost-after' : undefined);
    await expect(sink.open(ownerOf(1), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_TRANSACTION',
    });
    const session = await sink.open(ownerOf(1), calm);
    await session.close?.();
    await expect(sinkOn(kafka).open(ownerOf(1), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
    });
  });

  test('CONCURRENT_TRANSACTIONS is asked again', async () => {
    const kafka = broker();
    const asked: ProducerCall[] = [];
    kafka.fault = (call) => {
      asked.push(call);
      return asked.filter((one) => one === call).length <= 2 ? 'busy' : undefined;
    };
    const session = await sinkOn(kafka).open(ownerOf(1), calm);
    for (const call of ['init', 'send', 'commit'] as const) {
      expect(asked.filter((one) => one === call)).toHaveLength(3);
    }
    asked.length = 0;
    const handle = await prepared(session, 1, 1);
    expect(await session.commit(handle, calm)).toBe('applied');
    // Records and marker in two sends.
    expect(asked.filter((one) => one === 'send')).toHaveLength(4);
    expect(asked.filter((one) => one === 'commit')).toHaveLength(3);
    expect(rowsOf(kafka)).toEqual([{ number: 1 }]);
    await session.close?.();
  });
});

describe('a transaction that the brokers have ended', () => {
  test('loses the epoch, says so, and the next generation writes it once', async () => {
    const kafka = broker();
    const session = await sinkOn(kafka).open(ownerOf(1), calm);
    const handle = await prepared(session, 1, 1);
    kafka.expire();
    await expect(session.commit(handle, calm)).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_TRANSACTION',
      message: expect.stringContaining('longer than transactionTimeoutMs (600000)'),
    });
    const next = await sinkOn(kafka).open(ownerOf(2), calm);
    expect(await next.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('absent');
    expect(rowsOf(kafka)).toEqual([]);
    await next.close?.();
  });
});

test('records behind a pre-commit wait for its end, and belong to the next epoch', async () => {
  const kafka = broker();
  const session = await sinkOn(kafka, { batchBytes: 1 }).open(ownerOf(1), calm);
  const handle = await prepared(session, 1, 1);
  let isTaken = false;
  const write = Promise.resolve(session.write([{ number: 2 }])).then(() => {
    isTaken = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isTaken).toBe(false);
  expect(await session.commit(handle, calm)).toBe('applied');
  await write;
  expect(rowsOf(kafka)).toEqual([{ number: 1 }]);
  const second = (await session.preCommit(attempt(1, 2), calm)).handle;
  expect(await session.commit(second, calm)).toBe('applied');
  expect(rowsOf(kafka)).toEqual([{ number: 1 }, { number: 2 }]);
  await session.close?.();
});

test('closing ends the open transaction, so that readers are not held back', async () => {
  const kafka = broker();
  const session = await sinkOn(kafka, { batchBytes: 1 }).open(ownerOf(1), calm);
  await session.write([{ number: 1 }]);
  expect(kafka.openTransactions).toBe(1);
  await session.close?.();
  expect(kafka.openTransactions).toBe(0);
  expect(rowsOf(kafka)).toEqual([]);
});

test('an epoch is sent in batches that its topic takes, however many records come at once', async () => {
  const kafka = broker();
  kafka.create('small', 1, { 'max.message.bytes': '1000' });
  const session = await sinkOn(kafka, { topic: 'small' }).open(ownerOf(1), calm);
  const numbers = Array.from({ length: 200 }, (_, index) => index);
  const handle = await prepared(session, 1, ...numbers);
  expect(await session.commit(handle, calm)).toBe('applied');
  expect(kafka.visible('small').map((value) => JSON.parse(value) as Row)).toEqual(
    numbers.map((number) => ({ number })),
  );
  expect(Math.max(...kafka.batchBytes)).toBeLessThanOrEqual(1_000);
  await session.close?.();
});

test.each([true, false])(
  'a record that its topic does not take is refused before it is durable (staged: %s)',
  async (isStaged) => {
    const kafka = broker();
    kafka.create('small', 1, { 'max.message.bytes': '1000' });
    const { fileSystem } = new SimulatedDisk().mount();
    const sink = sinkOn(kafka, {
      topic: ({ number }) => (number === 3 ? 'none' : 'small'),
      value: ({ number }) => 'x'.repeat(number),
      ...(isStaged ? { staging: '/staging', fileSystem } : {}),
    });
    const refusals: readonly [number, object][] = [
      [
        2_000,
        {
          code: 'TIDEGATE_KAFKA_TOO_LARGE',
          message: expect.stringMatching(/record 2 of the epoch.*small.*kafka-configs.sh --alter/),
        },
      ],
      [3, { code: 'TIDEGATE_KAFKA_TOPIC', message: expect.stringContaining('no topic none') }],
    ];
    for (const [index, [number, error]] of refusals.entries()) {
      const session = await sink.open(ownerOf(index + 1), calm);
      const write = Promise.resolve(session.write([{ number: 5 }, { number }]));
      await expect(write).rejects.toMatchObject(error);
      await expect(session.preCommit(attempt(index + 1, 1), calm)).rejects.toMatchObject({
        code: 'TIDEGATE_SINK_WRITE_FAILED',
      });
      await session.close?.();
    }
    // Raised meanwhile: the limit is looked at again before a record is refused.
    const session = await sink.open(ownerOf(9), calm);
    await session.write([{ number: 900 }]);
    kafka.configure('small', { 'max.message.bytes': '5000' });
    await session.write([{ number: 2_000 }]);
    await expect(Promise.resolve(session.write([{ number: 6_000 }]))).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_TOO_LARGE',
    });
    await session.close?.();
  },
);

test('without the right to read configurations limits are not checked, and it is said', async () => {
  const kafka = broker();
  kafka.mayReadConfigs = false;
  const told: string[] = [];
  const logger = { ...silentLogger, warn: (_: object, message: string) => void told.push(message) };
  const session = await sinkOn(kafka, { logger }).open(ownerOf(1), calm);
  expect(told[0]).toContain('DescribeConfigs');
  expect(await session.commit(await prepared(session, 1, 1), calm)).toBe('applied');
  await session.close?.();
});

test('a right that is missing is named, with the command', async () => {
  const kafka = broker();
  kafka.fault = (call) => (call === 'init' ? 'denied' : undefined);
  await expect(sinkOn(kafka).open(ownerOf(1), calm)).rejects.toMatchObject({
    code: 'TIDEGATE_KAFKA_RIGHTS',
    message: expect.stringMatching(
      /Write and Describe on transactional id tidegate\/conformance\/out and on topic out/,
    ),
  });
});

test('the newest marker is found without reading those of years', async () => {
  const kafka = broker();
  const session = await sinkOn(kafka).open(ownerOf(1), calm);
  for (let sequence = 1; sequence <= 300; sequence += 1) {
    await session.commit(await prepared(session, sequence, sequence), calm);
  }
  await session.close?.();
  const before = kafka.readCount;
  const next = await sinkOn(kafka).open(ownerOf(2), calm);
  // Twice a hundred offsets, two in a read.
  expect(kafka.readCount - before).toBeLessThan(150);
  expect(await next.lastCommitted(calm)).toBe(idOf(1, 300));
  expect(await next.inspect({ checkpointId: idOf(1, 1) }, calm)).toBe('committed');
  await next.close?.();
});

test('a marker in front of many aborted transactions is found', async () => {
  const kafka = broker();
  const session = await sinkOn(kafka).open(ownerOf(1), calm);
  await session.commit(await prepared(session, 1, 1), calm);
  for (let sequence = 2; sequence <= 100; sequence += 1) {
    await prepared(session, sequence, sequence);
    await session.rollback({ keep: [] }, calm);
  }
  const next = await sinkOn(kafka).open(ownerOf(2), calm);
  expect(await next.lastCommitted(calm)).toBe(idOf(1, 1));
  expect(rowsOf(kafka)).toEqual([{ number: 1 }]);
  await session.close?.();
  await next.close?.();
});

test('a failed send leaves a hole, and the epoch cannot be prepared', async () => {
  const kafka = broker();
  const session = await sinkOn(kafka, { batchBytes: 1 }).open(ownerOf(1), calm);
  kafka.fault = (call) => (call === 'send' ? 'away' : undefined);
  await expect(session.write([{ number: 1 }])).rejects.toMatchObject({
    code: 'TIDEGATE_KAFKA_UNREACHABLE',
    kind: 'retryable',
  });
  kafka.fault = () => undefined;
  await expect(session.preCommit(attempt(1, 1), calm)).rejects.toMatchObject({
    code: 'TIDEGATE_SINK_WRITE_FAILED',
  });
  await session.close?.();
});

describe('refused', () => {
  const open = (kafka: FakeKafka, options: Partial<KafkaSinkOptions<Row>> = {}) =>
    sinkOn(kafka, options).open(ownerOf(1), calm);

  test('a topic that is missing, naming it', async () => {
    await expect(open(broker(), { topic: 'lost' })).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_TOPIC',
      message: expect.stringContaining('there is no topic lost: create it'),
    });
  });

  test('a marker topic that deletes or has several partitions, with the command', async () => {
    const kafka = broker();
    kafka.create('m', 1);
    kafka.create('p', 2, { 'cleanup.policy': 'compact' });
    await expect(open(kafka, { markerTopic: 'm' })).rejects.toMatchObject({
      message: expect.stringMatching(/cleanup.policy=delete.*kafka-topics.sh --create --topic m/),
    });
    await expect(open(kafka, { markerTopic: 'p' })).rejects.toMatchObject({
      message: expect.stringContaining('has 2 partitions'),
    });
  });

  test('missing rights to make the marker topic, with the command that makes it', async () => {
    const kafka = broker();
    kafka.mayCreate = false;
    await expect(open(kafka)).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_RIGHTS',
      message: expect.stringContaining('kafka-topics.sh --create --topic tidegate.'),
    });
  });

  test('a second store under the same name, with both ids', async () => {
    const kafka = broker();
    await (await open(kafka)).close?.();
    await expect(sinkOn(kafka).open(ownerOf(2, secondStore), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_STORE',
      message: expect.stringContaining(secondStore),
    });
  });

  test('a marker that something else has written', async () => {
    const kafka = broker();
    kafka.create('m', 1, { 'cleanup.policy': 'compact' });
    kafka.append('m', 0, '{"a":1}');
    await expect(open(kafka, { markerTopic: 'm' })).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_MARKER',
    });
  });

  const records: readonly [string, Partial<KafkaSinkOptions<Row>>, string][] = [
    ['a value that JSON would change', {}, 'without loss'],
    ['a value that is no text', { value: () => 3 as never }, 'value is of type number'],
    ['a key that is no text', { key: () => ({}) as never }, 'key is of type object'],
    ['a partition that is none', { partition: () => -1 }, 'partition is'],
    ['a topic that is none', { topic: () => 'a b' }, 'its topic is "a b"'],
    ['too many bytes', { maxRecordBytes: 40 }, 'above maxRecordBytes (40)'],
  ];
  test.each(records)('a record with %s, before it is sent', async (_, options, message) => {
    const kafka = broker();
    const session = await sinkOn(kafka, options).open(ownerOf(1), calm);
    const row: Row = _.includes('JSON') ? { number: NaN } : { number: 123_456_789 };
    await expect(session.write([row])).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_RECORD',
      message: expect.stringContaining(message),
    });
    await session.close?.();
  });

  test('options that cannot work, all at once', () => {
    const wrong = { kafka: {}, topic: 'a b', batchBytes: 0, extra: 1 };
    expect(() => kafkaSink(wrong as never)).toThrow(
      /^kafkaSink: there is no option extra.*kafka has no admin\(\), producer\(\), consumer\(\); topic is "a b".*batchBytes is 0/,
    );
  });
});

test('keys, headers, tombstones and times arrive as they were given', async () => {
  const kafka = broker();
  const session = await sinkOn(kafka, {
    key: ({ number }) => `k${number}`,
    value: ({ number }) => (number === 2 ? null : new Uint8Array([number])),
    headers: ({ number }) => ({ n: String(number) }),
    timestampMs: ({ number }) => number * 1_000,
  }).open(ownerOf(1), calm);
  const handle = await prepared(session, 1, 1, 2);
  await session.commit(handle, calm);
  expect(kafka.visible(topic)).toEqual(['\u0001', 'null']);
  await session.close?.();
});

test('headers may be pairs, so that a name comes several times; staged they are the same', async () => {
  const kafka = broker();
  const { fileSystem } = new SimulatedDisk().mount();
  const session = await sinkOn(kafka, {
    headers: () => [
      ['trace', 'a'],
      ['trace', new Uint8Array([255])],
      ['none', null],
    ],
    staging: '/staging',
    fileSystem,
  }).open(ownerOf(1), calm);
  await session.commit(await prepared(session, 1, 1), calm);
  expect(kafka.headers(topic)).toEqual([
    [
      ['trace', Buffer.from('a')],
      ['trace', Buffer.from([255])],
      ['none', null],
    ],
  ]);
  await session.close?.();
});

test('who only looks fences no owner and sees what is committed', async () => {
  const kafka = broker();
  const session = await sinkOn(kafka).open(ownerOf(1), calm);
  const handle = await prepared(session, 1, 1);
  await session.commit(handle, calm);
  const { generation: _generation, ...identity } = ownerOf(1);
  const inspector = await sinkOn(kafka).openReadOnly(identity, calm);
  expect(await inspector.inspect({ checkpointId: idOf(1, 1) }, calm)).toBe('committed');
  expect(await inspector.lastCommitted(calm)).toBe(idOf(1, 1));
  // Its marker lies in a transaction that is open: committed or not is not known before its end.
  await prepared(session, 2, 2);
  await expect(inspector.inspect({ checkpointId: idOf(1, 2) }, calm)).rejects.toMatchObject({
    code: 'TIDEGATE_KAFKA_UNREACHABLE',
    message: expect.stringContaining('in the middle of a commit'),
  });
  expect(await inspector.inspect({ checkpointId: idOf(1, 1) }, calm)).toBe('committed');
  await session.close?.();
});

test('an end that arrives just before the fence is seen by the owner behind it', async () => {
  const kafka = broker();
  const old = await sinkOn(kafka).open(ownerOf(1), calm);
  const handle = await prepared(old, 1, 1);
  kafka.fault = (call) => (call === 'commit' ? 'late' : undefined);
  await expect(old.commit(handle, calm)).rejects.toMatchObject({
    code: 'TIDEGATE_KAFKA_TRANSACTION',
  });
  kafka.fault = (call) => {
    if (call === 'init') kafka.arrive();
    return undefined;
  };
  const next = await sinkOn(kafka).open(ownerOf(2), calm);
  expect(await next.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('committed');
  expect(rowsOf(kafka)).toEqual([{ number: 1 }]);
  await next.close?.();
});
