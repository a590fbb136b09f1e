import { describe, expect, test } from '@jest/globals';
import { seededRandom } from 'tidegate/extend';
import { KafkaFailure, kafkaSource, text } from 'tidegate/kafka';
import type { KafkaDriver, KafkaRead, KafkaSourceOptions } from 'tidegate/kafka';
import { kafkaGroup } from 'tidegate/tasks';
import type { AssignmentListener, JoinedAssigner } from 'tidegate/tasks';
import { SimulatedClock } from 'tidegate/testing';
import { FakeKafka } from '../connectors/kafka/fake-kafka.js';
import { neverAborted, take, valuesOf } from '../connectors/kafka/reading.js';
import { later } from '../pipeline/support.js';

/** Memberships that a test drives: what the coordinator of the group says, and how they end. */
class ScriptedGroup {
  readonly clock = new SimulatedClock();
  readonly heard: unknown[] = [];
  readonly counts = new Map([
    ['a', 4],
    ['b', 4],
  ]);
  fault: KafkaFailure | undefined;
  memberships = 0;
  closed = 0;
  #deliver: (read: KafkaRead | KafkaFailure) => void = () => undefined;

  readonly driver = {
    client: 'scripted',
    admin: async () => ({
      describeTopic: async (topic: string) => {
        const partitions = this.counts.get(topic);
        return partitions === undefined ? undefined : { partitions };
      },
      close: async () => undefined,
    }),
    consumer: async () => {
      this.memberships += 1;
      if (this.fault !== undefined) throw this.fault;
      return this.#consumer();
    },
    producer: async () => undefined,
  } as unknown as KafkaDriver;

  readonly listener: AssignmentListener = {
    assigned: (tasks, partitions) => void this.heard.push(['assigned', tasks, partitions]),
    revoked: async (tasks) => void this.heard.push(['revoked', tasks]),
    lost: (tasks) => void this.heard.push(['lost', tasks]),
    troubled: (error) => void this.heard.push(['troubled', error.message]),
  };

  join(topics: readonly string[] = ['a', 'b'], signal = neverAborted().signal) {
    const { driver: kafka, clock } = this;
    const assigner = kafkaGroup({ kafka, groupId: 'g', topics, clock, random: seededRandom(1) });
    return assigner.join(this.listener, { signal });
  }

  async joined(partitions: readonly number[]): Promise<JoinedAssigner> {
    const joining = this.join();
    await this.says(partitions);
    return joining;
  }

  async says(what: readonly number[] | KafkaFailure): Promise<void> {
    await later(this.clock, 10);
    this.#deliver(what instanceof KafkaFailure ? what : { kind: 'assigned', partitions: what });
    await later(this.clock, 10);
  }

  #consumer() {
    const reads: (KafkaRead | KafkaFailure)[] = [];
    let wake = (): void => undefined;
    let isClosed = false;
    this.#deliver = (read) => {
      reads.push(read);
      wake();
    };
    return {
      async *reads() {
        while (!isClosed) {
          const read = reads.shift();
          if (read instanceof KafkaFailure) throw read;
          if (read === undefined) await new Promise<void>((resolve) => (wake = resolve));
          else yield read;
        }
      },
      close: async () => {
        if (!isClosed) this.closed += 1;
        isClosed = true;
        wake();
      },
    };
  }
}

const away = new KafkaFailure('retriable', 'no broker answers');

describe('a group of Kafka as assigner', () => {
  test('says what is assigned, and what is gone before that', async () => {
    const group = new ScriptedGroup();
    const joined = await group.joined([0, 2]);
    await group.says([2, 3]);
    await group.says([]);
    expect(group.heard).toEqual([
      ['assigned', [0, 2], 4],
      ['lost', [0]],
      ['assigned', [2, 3], 4],
      ['lost', [2, 3]],
      ['assigned', [], 4],
    ]);
    await joined.leave();
    expect(group.closed).toBe(1);
  });

  test('a membership that breaks takes no task away: the group is joined again', async () => {
    const group = new ScriptedGroup();
    const joined = await group.joined([0, 2]);
    group.fault = away;
    await group.says(away);
    await later(group.clock, 3_000);
    expect(group.memberships).toBeGreaterThan(3);
    group.fault = undefined;
    await later(group.clock, 5_000);
    await group.says([2]);
    const kinds = group.heard.map((one) => (one as readonly unknown[])[0]);
    expect(kinds.filter((kind) => kind !== 'troubled')).toEqual(['assigned', 'lost', 'assigned']);
    expect(group.heard.slice(-2)).toEqual([
      ['lost', [0]],
      ['assigned', [2], 4],
    ]);
    await joined.leave();
  });

  test('topics with different numbers of partitions are refused by name', async () => {
    const group = new ScriptedGroup();
    group.counts.set('b', 6);
    await expect(group.join()).rejects.toMatchObject({
      code: 'TIDEGATE_TASKS_PARTITIONS',
      message:
        'topic a has 4 partitions, and topic b has 6: a task reads the same partition of each of its topics',
    });
    await expect(group.join(['a', 'missing'])).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_TOPIC',
      message: 'topic missing does not exist',
    });
    expect(group.memberships).toBe(0);
  });

  test('a topic that grows is reported without a rebalance', async () => {
    const group = new ScriptedGroup();
    const joined = await group.joined([1]);
    group.counts.set('b', 6);
    await later(group.clock, 31_000);
    expect(group.heard).toEqual([
      ['assigned', [1], 4],
      ['assigned', [1], 6],
    ]);
    await joined.leave();
  });

  test('a group that may not be read is refused, a broker that is away is waited for', async () => {
    const group = new ScriptedGroup();
    group.fault = away;
    const joining = group.join();
    await later(group.clock, 1_000);
    group.fault = new KafkaFailure('authorization', 'GROUP_AUTHORIZATION_FAILED');
    const refused = joining.catch((error: unknown) => error);
    await later(group.clock, 5_000);
    expect(await refused).toMatchObject({ code: 'TIDEGATE_KAFKA_RIGHTS' });
    expect(group.heard).toContainEqual(['troubled', 'group g: no broker answers']);
  });

  test('a stop while the group does not answer leaves it', async () => {
    const group = new ScriptedGroup();
    const stop = new AbortController();
    const joining = group.join(['a'], stop.signal).catch((error: unknown) => error);
    await later(group.clock, 100);
    stop.abort(new Error('stopped'));
    await later(group.clock, 100);
    expect(await joining).toMatchObject({ message: 'stopped' });
    expect(group.closed).toBe(1);
  });

  test('options that do not fit are refused', () => {
    expect(() => kafkaGroup({ kafka: {}, topics: [] } as never)).toThrow(
      /kafka .*groupId is missing; topics is not a list of topic names/,
    );
  });
});

describe('a Kafka source of some partitions', () => {
  const broker = (): FakeKafka => {
    const kafka = new FakeKafka();
    kafka.create('t', 3);
    for (const partition of [0, 1, 2]) {
      kafka.append('t', partition, `${partition}a`, `${partition}b`);
    }
    return kafka;
  };
  const sourceOf = (kafka: FakeKafka, options: Partial<KafkaSourceOptions<string>>) =>
    kafkaSource({
      ...{ kafka: kafka.driver(), topic: 't', value: text(), from: 'start', until: 'end' },
      ...options,
    });

  test('reads these alone, and its position names no other', async () => {
    const kafka = broker();
    const { records, offsets } = await take(sourceOf(kafka, { partitions: [1] }));
    expect(valuesOf(records)).toEqual(['1a', '1b']);
    expect(Object.keys(offsets).filter((name) => name.startsWith('partition-'))).toEqual([
      'partition-1',
    ]);
    kafka.append('t', 1, '1c');
    kafka.append('t', 2, '2c');
    const again = sourceOf(kafka, { partitions: [1] });
    await again.restore({ ...offsets, 'end-1': '3' }, neverAborted());
    expect(valuesOf((await take(again)).records)).toEqual(['1c']);
  });

  test('refuses a position of others, which would not be read any further', async () => {
    const kafka = broker();
    const { offsets } = await take(sourceOf(kafka, {}));
    const one = sourceOf(kafka, { partitions: [1] });
    await expect(one.restore(offsets, neverAborted())).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_POSITION',
      details: { partitions: [0, 2] },
    });
  });

  test('refuses a partition that the topic does not have, and a list that is none', async () => {
    await expect(sourceOf(broker(), { partitions: [7] }).position()).rejects.toMatchObject({
      code: 'TIDEGATE_KAFKA_TOPIC',
      message: 'topic t has 3 partitions, and none of number 7',
    });
    for (const partitions of [[], [1, 1], [-1], ['1'], 1]) {
      expect(() => sourceOf(broker(), { partitions } as never)).toThrow(
        /different partition numbers/,
      );
    }
    expect(() => sourceOf(broker(), { partitions: [0], groupId: 'g', joinGroup: true })).toThrow(
      /partitions and joinGroup contradict/,
    );
  });
});
