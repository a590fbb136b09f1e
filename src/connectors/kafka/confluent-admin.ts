// The admin side of the Confluent adapter.

import type { CallOptions } from '../../contracts/source.js';
import { orAborted } from '../../runtime/abort.js';
import { systemClock } from '../../runtime/clock.js';
import { sleep } from '../../runtime/deadline.js';
import { KafkaFailure } from './driver.js';
import type {
  KafkaAdmin,
  KafkaGroupMember,
  KafkaGroupOffsets,
  KafkaRange,
  KafkaTopic,
  NewKafkaTopic,
} from './driver.js';
import type { ConfluentAdminClient, ConfluentConfig, ConfluentModule } from './confluent-client.js';
import { called, toConfluentFailure } from './confluent-errors.js';

const timeoutMs = 10_000;
const pauseMs = 50;
const missingTopic = 3;
const topicExists = 36;
/** librdkafka's names for the ends of a log. */
const [earliest, latest] = [-2, -1];

interface Described {
  readonly topicId?: {
    readonly mostSignificantBits: bigint;
    readonly leastSignificantBits: bigint;
  };
  readonly partitions: readonly { readonly partition: number }[];
  readonly error?: { readonly code: number };
}

interface End {
  readonly partition: number;
  readonly offset: number;
  readonly error?: { readonly code: number };
}

interface Group {
  readonly members: readonly {
    readonly memberId: string;
    readonly clientId: string;
    readonly clientHost: string;
  }[];
}

/** The topic as the broker describes it; undefined when there is none. Makes none by asking. */
export async function describeTopic(
  admin: ConfluentAdminClient,
  topic: string,
): Promise<KafkaTopic | undefined> {
  const [found] = await called<readonly Described[]>((done) =>
    admin.describeTopics([topic], { timeout: timeoutMs }, done),
  );
  if (found?.error?.code === missingTopic || found === undefined) return undefined;
  // eslint-disable-next-line @typescript-eslint/only-throw-error
  if (found.error !== undefined && found.error.code !== 0) throw found.error;
  const partitions = found.partitions.length;
  return found.topicId === undefined ? { partitions } : { partitions, id: textOf(found.topicId) };
}

/** As Kafka's own tools print it: base64 for addresses, 22 characters. */
function textOf({
  mostSignificantBits,
  leastSignificantBits,
}: NonNullable<Described['topicId']>): string {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64BE(BigInt.asIntN(64, mostSignificantBits), 0);
  bytes.writeBigInt64BE(BigInt.asIntN(64, leastSignificantBits), 8);
  return bytes.toString('base64url');
}

export class ConfluentAdmin implements KafkaAdmin {
  readonly #module: ConfluentModule;
  readonly #config: ConfluentConfig;
  readonly #admin: ConfluentAdminClient;

  constructor(module: ConfluentModule, config: ConfluentConfig) {
    this.#module = module;
    this.#config = config;
    this.#admin = module.AdminClient.create({ ...config });
  }

  /** The client does not give it. */
  clusterId(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  describeTopic(topic: string, { signal }: CallOptions): Promise<KafkaTopic | undefined> {
    return answer(signal, `looking at topic ${topic}`, () => describeTopic(this.#admin, topic));
  }

  ranges(topic: string, { signal }: CallOptions): Promise<ReadonlyMap<number, KafkaRange>> {
    return answer(signal, `asking for the ends of topic ${topic}`, async () => {
      const count = (await describeTopic(this.#admin, topic))?.partitions;
      if (count === undefined) {
        throw new KafkaFailure('missing-topic', `topic ${topic} does not exist`);
      }
      const [lows, highs] = [
        await this.#ends(topic, count, earliest),
        await this.#ends(topic, count, latest),
      ];
      const ranges = [...highs].map(
        ([partition, high]) => [partition, { low: lows.get(partition) ?? 0n, high }] as const,
      );
      return new Map(ranges);
    });
  }

  createTopic(topic: NewKafkaTopic, { signal }: CallOptions): Promise<'created' | 'exists'> {
    return answer(signal, `creating topic ${topic.topic}`, async () => {
      const { replicationFactor = -1, config = {} } = topic;
      const wanted = {
        topic: topic.topic,
        num_partitions: topic.partitions,
        replication_factor: replicationFactor,
        config,
      };
      try {
        await called((done) => this.#admin.createTopic(wanted, timeoutMs, done));
        await this.#untilThere(topic.topic, signal);
        return 'created';
      } catch (error) {
        if ((error as { code?: unknown }).code === topicExists) return 'exists';
        throw error;
      }
    });
  }

  topicConfig(topic: string): Promise<ReadonlyMap<string, string>> {
    return Promise.reject(
      new KafkaFailure(
        'unsupported',
        `reading the configuration of topic ${topic}: @confluentinc/kafka-javascript has no call for it`,
      ),
    );
  }

  groupMembers(groupId: string, { signal }: CallOptions): Promise<readonly KafkaGroupMember[]> {
    return answer(signal, `looking at group ${groupId}`, async () => {
      const { groups } = await called<{ readonly groups: readonly Group[] }>((done) =>
        this.#admin.describeGroups([groupId], { timeout: timeoutMs }, done),
      );
      return groups.flatMap(({ members }) =>
        members.map(({ memberId, clientId, clientHost }) => ({
          memberId,
          clientId,
          host: clientHost,
        })),
      );
    });
  }

  /** A consumer that joins nothing commits them: the broker takes it while the group is empty. */
  async commitOffsets(
    { groupId, topic, offsets }: KafkaGroupOffsets & { readonly groupId: string },
    { signal }: CallOptions,
  ): Promise<void> {
    await answer(signal, `committing offsets of group ${groupId}`, async () => {
      const consumer = new this.#module.KafkaConsumer({
        ...this.#config,
        'group.id': groupId,
        'enable.auto.commit': false,
      });
      await called((done) => consumer.connect({ timeout: timeoutMs }, done));
      try {
        await called((done) => consumer.commitCb(toPlaces(topic, offsets), done));
      } finally {
        await called((done) => consumer.disconnect(done)).catch(() => undefined);
      }
    });
  }

  close(): Promise<void> {
    this.#admin.disconnect();
    return Promise.resolve();
  }

  /** The controller answers before the broker has the topic. */
  async #untilThere(topic: string, signal: AbortSignal): Promise<void> {
    for (let tries = 0; tries < timeoutMs / pauseMs; tries += 1) {
      if ((await describeTopic(this.#admin, topic)) !== undefined) return;
      await sleep(systemClock, pauseMs, signal);
    }
  }

  async #ends(
    topic: string,
    count: number,
    timestamp: number,
  ): Promise<ReadonlyMap<number, bigint>> {
    const asked = Array.from({ length: count }, (_, partition) => ({
      topic,
      partition,
      offset: { timestamp },
    }));
    // Read_uncommitted: records of open transactions count.
    const options = { timeout: timeoutMs, isolationLevel: 0 } as const;
    const ends = await called<readonly End[]>((done) =>
      this.#admin.listOffsets(asked, options, done),
    );
    const failed = ends.find(({ error }) => error !== undefined && error.code !== 0);
    // eslint-disable-next-line @typescript-eslint/only-throw-error
    if (failed?.error !== undefined) throw failed.error;
    return new Map(ends.map(({ partition, offset }) => [partition, BigInt(offset)]));
  }
}

export function toPlaces(
  topic: string,
  offsets: ReadonlyMap<number, bigint>,
): { topic: string; partition: number; offset: number }[] {
  return [...offsets].map(([partition, offset]) => ({ topic, partition, offset: Number(offset) }));
}

async function answer<Value>(
  signal: AbortSignal,
  doing: string,
  ask: () => Promise<Value>,
): Promise<Value> {
  try {
    return await orAborted(ask(), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw toConfluentFailure(error, doing);
  }
}
