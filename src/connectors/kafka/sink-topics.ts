// What the topics of a Kafka sink take: looked at before a record is durable, because later it would block.

import type { CallOptions } from '../../contracts/source.js';
import { TidegateError } from '../../errors.js';
import type { Logger } from '../../runtime/logger.js';
import type { KafkaAdmin, KafkaDriver } from './driver.js';
import { isKafkaFailure } from './errors.js';
import type { OutputRecord } from './sink-options.js';

interface TopicLimits {
  readonly partitions: number;
  /** Of a batch, and so of a record; undefined where the configuration may not be read. */
  readonly maxBatchBytes: number | undefined;
}

/** Kafka's default of `max.message.bytes`. */
const defaultBatchBytes = 1_048_588;
/** In front of the records of a batch. */
const batchHeaderBytes = 61;

interface Need {
  partition: number;
  bytes: number;
  place: number;
}

/** The most that some records ask of each topic. */
export class TopicNeeds {
  readonly byTopic = new Map<string, Need>();

  /** @param place Of the record in its epoch, from 1. */
  note({ topic, partition = 0, byteLength }: OutputRecord, place: number): void {
    const need = this.byTopic.get(topic);
    if (need === undefined) {
      this.byTopic.set(topic, { partition, bytes: byteLength, place });
      return;
    }
    if (partition > need.partition) need.partition = partition;
    if (byteLength > need.bytes) Object.assign(need, { bytes: byteLength, place });
  }
}

export class OutputTopics {
  readonly #kafka: KafkaDriver;
  readonly #logger: Logger;
  readonly #known = new Map<string, TopicLimits>();

  constructor({ kafka, logger }: { readonly kafka: KafkaDriver; readonly logger: Logger }) {
    this.#kafka = kafka;
    this.#logger = logger;
  }

  /** @throws TidegateError for a topic or a partition that is missing, and for a record that is too large. */
  async check({ byTopic }: TopicNeeds, options: CallOptions): Promise<void> {
    const open = [...byTopic].filter(([topic, need]) => !fits(this.#known.get(topic), need));
    if (open.length === 0) return;
    // Asked again where it is known: somebody may have changed the topic meanwhile.
    const admin = await this.#kafka.admin(options);
    try {
      for (const [topic] of open) this.#known.set(topic, await this.#look(admin, topic, options));
    } finally {
      await admin.close();
    }
    for (const [topic, need] of open) {
      const limits = this.#known.get(topic);
      if (!fits(limits, need)) throw refused(topic, limits, need);
    }
  }

  /** Batches that no topic refuses: all records of one may go to one partition. */
  batches(
    records: readonly OutputRecord[],
    batchBytes: number,
  ): readonly (readonly OutputRecord[])[] {
    const batches: OutputRecord[][] = [];
    let batch: OutputRecord[] = [];
    let bytes = 0;
    const byTopic = new Map<string, number>();
    for (const record of records) {
      const { topic, byteLength } = record;
      const inTopic = byTopic.get(topic) ?? batchHeaderBytes;
      const isFull = bytes + byteLength > batchBytes || inTopic + byteLength > this.#roomOf(topic);
      if (isFull && batch.length > 0) {
        batches.push(batch);
        [batch, bytes] = [[], 0];
        byTopic.clear();
      }
      batch.push(record);
      bytes += byteLength;
      byTopic.set(topic, (byTopic.get(topic) ?? batchHeaderBytes) + byteLength);
    }
    if (batch.length > 0) batches.push(batch);
    return batches;
  }

  #roomOf(topic: string): number {
    return this.#known.get(topic)?.maxBatchBytes ?? defaultBatchBytes;
  }

  async #look(admin: KafkaAdmin, topic: string, options: CallOptions): Promise<TopicLimits> {
    const found = await admin.describeTopic(topic, options);
    if (found === undefined) {
      throw new TidegateError(
        'TIDEGATE_KAFKA_TOPIC',
        `there is no topic ${topic}: create it, or correct its name; topics of data are never created`,
        { details: { topic } },
      );
    }
    const text = (await configOf(admin, topic, maxBytesName, this.#logger, options)) ?? '';
    const maxBatchBytes = /^\d+$/.test(text) ? Number(text) : undefined;
    return { partitions: found.partitions, maxBatchBytes };
  }
}

const maxBytesName = 'max.message.bytes';

/** Undefined where this user may not read it, or the client cannot: few are given that right. */
export async function configOf(
  admin: KafkaAdmin,
  topic: string,
  name: string,
  logger: Logger,
  options: CallOptions,
): Promise<string | undefined> {
  try {
    return (await admin.topicConfig(topic, [name], options)).get(name);
  } catch (error) {
    const isClosed = isKafkaFailure(error) && ['authorization', 'unsupported'].includes(error.kind);
    if (!isClosed) throw error;
    logger.warn({ topic, name }, 'not checked: the client, or a right DescribeConfigs, is missing');
    return undefined;
  }
}

function fits(limits: TopicLimits | undefined, { partition, bytes }: Need): boolean {
  if (limits === undefined || partition >= limits.partitions) return false;
  return bytes + batchHeaderBytes <= (limits.maxBatchBytes ?? Infinity);
}

function refused(topic: string, limits: TopicLimits | undefined, need: Need): TidegateError {
  const { partitions = 0, maxBatchBytes = 0 } = limits ?? {};
  const details = { topic };
  if (need.partition >= partitions) {
    return new TidegateError(
      'TIDEGATE_SINK_RECORD',
      `topic ${topic} has ${partitions} partitions, and a record goes to ${need.partition}`,
      { details },
    );
  }
  return new TidegateError(
    'TIDEGATE_KAFKA_TOO_LARGE',
    `record ${need.place} of the epoch has ${need.bytes} bytes, and topic ${topic} takes ` +
      `${maxBatchBytes} (max.message.bytes) with ${batchHeaderBytes} of the batch: make it smaller, or ` +
      `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ` +
      `max.message.bytes=${2 * need.bytes}`,
    { details },
  );
}
