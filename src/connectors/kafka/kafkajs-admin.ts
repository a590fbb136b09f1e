// The admin side of the kafkajs adapter.

import type { CallOptions } from '../../contracts/source.js';
import { orAborted } from '../../runtime/abort.js';
import type {
  KafkaAdmin,
  KafkaGroupMember,
  KafkaGroupOffsets,
  KafkaRange,
  KafkaTopic,
  NewKafkaTopic,
} from './driver.js';
import type { KafkaJsAdmin, KafkaJsClient, KafkaJsCluster } from './kafkajs-client.js';
import { connectCluster, type ClusterHandle } from './kafkajs-cluster.js';
import { isKafkaFailure, readAnew } from './errors.js';
import { toFailure, typeOf } from './kafkajs-errors.js';

/** Whoever calls tries again, with pauses of its own. */
const retry = { retries: 1, initialRetryTime: 50 };
const topicResource = 2;

export async function connectAdmin(
  client: KafkaJsClient,
  { signal }: CallOptions,
): Promise<KafkaAdmin> {
  const admin = client.admin({ retry });
  const close = (): Promise<void> => admin.disconnect().catch(() => undefined);
  try {
    await orAborted(admin.connect(), signal);
    const handle = await orAborted(connectCluster(client, { readUncommitted: true }), signal);
    return new JsAdmin(admin, handle);
  } catch (error) {
    await close();
    signal.throwIfAborted();
    throw toFailure(error, 'connecting');
  }
}

class JsAdmin implements KafkaAdmin {
  readonly #admin: KafkaJsAdmin;
  readonly #handle: ClusterHandle;

  constructor(admin: KafkaJsAdmin, handle: ClusterHandle) {
    this.#admin = admin;
    this.#handle = handle;
  }

  get #cluster(): KafkaJsCluster {
    return this.#handle.cluster;
  }

  clusterId({ signal }: CallOptions): Promise<string> {
    return answer(signal, 'asking for the cluster id', async () => {
      const { clusterId } = await this.#admin.describeCluster();
      return clusterId;
    });
  }

  describeTopic(topic: string, { signal }: CallOptions): Promise<KafkaTopic | undefined> {
    return answer(signal, `looking for topic ${topic}`, async () => {
      try {
        const partitions = (await this.#partitions(topic)).length;
        return partitions === 0 ? undefined : { partitions };
      } catch (error) {
        if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
        throw error;
      }
    });
  }

  ranges(topic: string, { signal }: CallOptions): Promise<ReadonlyMap<number, KafkaRange>> {
    return answer(signal, `asking for the ends of topic ${topic}`, async () => {
      const partitions = await this.#partitions(topic);
      const lows = await this.#ends(topic, partitions, true);
      const highs = await this.#ends(topic, partitions, false);
      const ranges = new Map<number, KafkaRange>();
      for (const [partition, high] of highs) {
        ranges.set(partition, { low: lows.get(partition) ?? 0n, high });
      }
      return ranges;
    });
  }

  createTopic(topic: NewKafkaTopic, { signal }: CallOptions): Promise<'created' | 'exists'> {
    return answer(signal, `creating topic ${topic.topic}`, async () => {
      const { replicationFactor, config = {} } = topic;
      const entries = Object.entries(config).map(([name, value]) => ({ name, value }));
      const created = {
        topic: topic.topic,
        numPartitions: topic.partitions,
        configEntries: entries,
        ...(replicationFactor === undefined ? {} : { replicationFactor }),
      };
      const isNew = await this.#admin.createTopics({ topics: [created] });
      return isNew ? ('created' as const) : 'exists';
    }).catch((error: unknown) => {
      // The broker that is asked for the new leader may not have heard of the topic yet.
      throw isKafkaFailure(error) ? readAnew(error) : error;
    });
  }

  topicConfig(
    topic: string,
    names: readonly string[],
    { signal }: CallOptions,
  ): Promise<ReadonlyMap<string, string>> {
    return answer(signal, `reading the configuration of topic ${topic}`, async () => {
      const resource = { type: topicResource, name: topic, configNames: [...names] };
      const { resources } = await this.#admin.describeConfigs({
        resources: [resource],
        includeSynonyms: false,
      });
      const entries = resources.flatMap(({ configEntries }) => configEntries);
      return new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    });
  }

  groupMembers(groupId: string, { signal }: CallOptions): Promise<readonly KafkaGroupMember[]> {
    return answer(signal, `looking at group ${groupId}`, async () => {
      const { groups } = await this.#admin.describeGroups([groupId]);
      return groups.flatMap(({ members }) =>
        members.map(({ memberId, clientId, clientHost }) => ({
          memberId,
          clientId,
          host: clientHost,
        })),
      );
    });
  }

  commitOffsets(
    { groupId, topic, offsets }: KafkaGroupOffsets & { readonly groupId: string },
    { signal }: CallOptions,
  ): Promise<void> {
    return answer(signal, `committing offsets of group ${groupId}`, async () => {
      const coordinator = await this.#cluster.findGroupCoordinator({ groupId });
      const partitions = toPartitionOffsets(offsets);
      // What a client sends that is no member: the broker takes it while the group is empty.
      const outside = { groupGenerationId: -1, memberId: '' };
      await coordinator.offsetCommit({ groupId, ...outside, topics: [{ topic, partitions }] });
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#admin.disconnect().catch(() => undefined), this.#handle.close()]);
  }

  /** As they are now: the metadata that a client keeps is minutes old. */
  async #partitions(topic: string): Promise<number[]> {
    await this.#cluster.addTargetTopic(topic);
    await this.#cluster.refreshMetadata();
    const partitions = this.#cluster.findTopicPartitionMetadata(topic);
    return partitions.map(({ partitionId }) => partitionId).sort((one, other) => one - other);
  }

  async #ends(
    topic: string,
    partitions: readonly number[],
    fromBeginning: boolean,
  ): Promise<ReadonlyMap<number, bigint>> {
    const asked = partitions.map((partition) => ({ partition }));
    const answers = await this.#cluster.fetchTopicsOffset([
      { topic, partitions: asked, fromBeginning },
    ]);
    const ends = answers.flatMap((one) => one.partitions);
    return new Map(ends.map(({ partition, offset }) => [partition, BigInt(offset)]));
  }
}

export function toPartitionOffsets(
  offsets: ReadonlyMap<number, bigint>,
): { partition: number; offset: string }[] {
  return [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
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
    throw toFailure(error, doing);
  }
}
