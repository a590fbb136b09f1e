// The transactional producer of the kafkajs adapter.

import type { CallOptions } from '../../contracts/source.js';
import { orAborted } from '../../runtime/abort.js';
import { systemClock } from '../../runtime/clock.js';
import {
  KafkaFailure,
  type KafkaErrorKind,
  type KafkaGroupOffsets,
  type KafkaMessage,
  type KafkaProducer,
  type KafkaProducerOptions,
  type KafkaTransaction,
} from './driver.js';
import { toPartitionOffsets } from './kafkajs-admin.js';
import type {
  KafkaJsClient,
  KafkaJsCluster,
  KafkaJsProducer,
  KafkaJsTransaction,
} from './kafkajs-client.js';
import { connectCluster, type ClusterHandle } from './kafkajs-cluster.js';
import { withAge } from './errors.js';
import { toFailure } from './kafkajs-errors.js';
import { partitionOf } from './murmur2.js';

/** The first send behind a commit often finds the transaction before it not over: that passes soon. */
const retry = { retries: 8, initialRetryTime: 20, maxRetryTime: 1_000 };

export async function connectProducer(
  client: KafkaJsClient,
  options: KafkaProducerOptions,
  { signal }: CallOptions,
): Promise<KafkaProducer> {
  const { transactionalId, transactionTimeoutMs } = options;
  const producer = client.producer({
    transactionalId,
    transactionTimeout: transactionTimeoutMs,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: () => givenPartition,
    retry,
  });
  try {
    await orAborted(producer.connect(), signal);
    const handle = await orAborted(connectCluster(client, { readUncommitted: true }), signal);
    return new JsProducer(producer, handle, options);
  } catch (error) {
    await producer.disconnect().catch(() => undefined);
    signal.throwIfAborted();
    throw toFailure(error, `connecting the producer ${transactionalId}`);
  }
}

/** A retry of kafkajs asks its partitioner again: another answer would write a record twice. */
function givenPartition({
  message,
}: {
  readonly message: { readonly partition?: number };
}): number {
  if (message.partition !== undefined) return message.partition;
  throw new KafkaFailure('invalid', 'a message without a partition');
}

class JsProducer implements KafkaProducer {
  readonly #producer: KafkaJsProducer;
  readonly #handle: ClusterHandle;
  readonly #options: KafkaProducerOptions;
  /** kafkajs sends InitProducerId where its first transaction begins; that one is kept for `begin`. */
  #first: KafkaJsTransaction | undefined;
  /** Goes on over transactions: short ones would all write to the same partition. */
  readonly #spread = { keyless: 0 };
  #isClosed = false;

  constructor(producer: KafkaJsProducer, handle: ClusterHandle, options: KafkaProducerOptions) {
    this.#producer = producer;
    this.#handle = handle;
    this.#options = options;
  }

  async init({ signal }: CallOptions): Promise<void> {
    const { transactionalId } = this.#options;
    try {
      this.#first = await orAborted(this.#producer.transaction(), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw toFailure(error, `taking the transactional id ${transactionalId}`);
    }
  }

  async begin(): Promise<KafkaTransaction> {
    if (this.#isClosed) throw new KafkaFailure('closed', 'the producer is closed');
    const first = this.#first;
    this.#first = undefined;
    const transaction = first ?? (await this.#producer.transaction());
    return new JsTransaction(transaction, this.#handle.cluster, this.#options, this.#spread);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#producer.disconnect().catch(() => undefined), this.#handle.close()]);
  }
}

class JsTransaction implements KafkaTransaction {
  readonly #transaction: KafkaJsTransaction;
  readonly #cluster: KafkaJsCluster;
  readonly #options: KafkaProducerOptions;
  readonly #partitionCounts = new Map<string, number>();
  readonly #spread: { keyless: number };
  #beganMs: number | undefined;

  constructor(
    transaction: KafkaJsTransaction,
    cluster: KafkaJsCluster,
    options: KafkaProducerOptions,
    spread: { keyless: number },
  ) {
    this.#transaction = transaction;
    this.#cluster = cluster;
    this.#options = options;
    this.#spread = spread;
  }

  async send(messages: readonly KafkaMessage[], { signal }: CallOptions): Promise<void> {
    await this.#call('sending', signal, 'unknown-outcome', async () => {
      const byTopic = new Map<string, ReturnType<typeof toJsMessage>[]>();
      for (const message of messages) {
        const { topic } = message;
        let list = byTopic.get(topic);
        if (list === undefined) byTopic.set(topic, (list = []));
        list.push(toJsMessage(message, message.partition ?? (await this.#place(message))));
      }
      const topicMessages = [...byTopic].map(([topic, list]) => ({ topic, messages: list }));
      await this.#transaction.sendBatch({ acks: -1, topicMessages });
    });
  }

  async sendOffsets(
    { groupId, topic, offsets }: KafkaGroupOffsets & { readonly groupId: string },
    { signal }: CallOptions,
  ): Promise<void> {
    const topics = [{ topic, partitions: toPartitionOffsets(offsets) }];
    await this.#call('sending offsets', signal, 'unknown-outcome', () =>
      this.#transaction.sendOffsets({ consumerGroupId: groupId, topics }),
    );
  }

  async commit({ signal }: CallOptions): Promise<void> {
    await this.#call('committing', signal, 'unknown-outcome', () => this.#transaction.commit());
  }

  async abort({ signal }: CallOptions): Promise<void> {
    await this.#call('aborting', signal, 'unknown-outcome', () => this.#transaction.abort());
  }

  async #place({ topic, key }: KafkaMessage): Promise<number> {
    const count = this.#partitionCounts.get(topic) ?? (await this.#countPartitions(topic));
    if (key !== null) return partitionOf(key, count);
    this.#spread.keyless += 1;
    return this.#spread.keyless % count;
  }

  async #countPartitions(topic: string): Promise<number> {
    await this.#cluster.addTargetTopic(topic);
    await this.#cluster.refreshMetadataIfNecessary();
    const count = this.#cluster.findTopicPartitionMetadata(topic).length;
    if (count === 0) throw new KafkaFailure('missing-topic', `topic ${topic} does not exist`);
    this.#partitionCounts.set(topic, count);
    return count;
  }

  async #call(
    doing: string,
    signal: AbortSignal,
    otherwise: KafkaErrorKind,
    run: () => Promise<void>,
  ): Promise<void> {
    const { transactionalId } = this.#options;
    this.#beganMs ??= systemClock.monotonicMs();
    try {
      await orAborted(run(), signal);
    } catch (error) {
      signal.throwIfAborted();
      const what = `${doing} in a transaction of ${transactionalId}`;
      const ageMs = systemClock.monotonicMs() - this.#beganMs;
      throw withAge(toFailure(error, what, otherwise), ageMs, this.#options);
    }
  }
}

function toJsMessage(
  { key, value, headers = [], timestampMs }: KafkaMessage,
  partition: number,
): {
  key: Buffer | null;
  value: Buffer | null;
  partition: number;
  headers: Record<string, Buffer | Buffer[]>;
  timestamp?: string;
} {
  const byName = Object.create(null) as Record<string, Buffer | Buffer[]>;
  for (const [name, given] of headers) {
    // kafkajs cannot send a header without a value.
    const bytes = given ?? Buffer.alloc(0);
    const before = byName[name];
    if (before === undefined) byName[name] = bytes;
    else byName[name] = Array.isArray(before) ? [...before, bytes] : [before, bytes];
  }
  const timestamp = timestampMs === undefined ? {} : { timestamp: String(timestampMs) };
  return { key, value, partition, headers: byName, ...timestamp };
}
