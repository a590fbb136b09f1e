// The options of a Kafka sink, and what it makes of a record.

import { TidegateError } from '../../errors.js';
import {
  callback,
  completeOptions,
  contract,
  custom,
  path,
  required,
  whole,
  type OptionTable,
} from '../../options.js';
import { kindOf } from '../../given.js';
import { systemClock, type Clock } from '../../runtime/clock.js';
import { silentLogger, type Logger } from '../../runtime/logger.js';
import { systemRandom, type Random } from '../../runtime/random.js';
import { nodeFileSystem } from '../../runtime/file-system-node.js';
import type { FileSystem } from '../../runtime/file-system.js';
import type { KafkaDriver, KafkaHeaders } from './driver.js';
import { recordAsJson } from '../record-json.js';

/** A part of a record on its way out; `null` is none: of a value, a tombstone. */
export type KafkaBytes = string | Uint8Array | null;

/** Headers of a record: by name, or pairs in their order, where a name may come several times. */
export type KafkaSinkHeaders =
  Readonly<Record<string, KafkaBytes>> | readonly (readonly [name: string, value: KafkaBytes])[];

/** Options of `kafkaSink`. */
export interface KafkaSinkOptions<Rec> {
  /** A client: `kafkaJs(new Kafka({ … }))` or `confluentKafka(…)`. */
  readonly kafka: KafkaDriver;
  /** Where records go; a function chooses the topic of each. Topics are never created. */
  readonly topic: string | ((record: Rec) => string);
  /** Default: no key. */
  readonly key?: (record: Rec) => KafkaBytes;
  /** Default: one JSON value; a record that JSON would change is refused, naming the place. */
  readonly value?: (record: Rec) => KafkaBytes;
  /** Default: murmur2 of the key, as Java's client has it, so that topics are co-partitioned. */
  readonly partition?: (record: Rec) => number;
  /** By name, or as pairs where a name comes several times. Default: none. */
  readonly headers?: (record: Rec) => KafkaSinkHeaders;
  /** Whole milliseconds since the Unix epoch. Default: when it is sent. */
  readonly timestampMs?: (record: Rec) => number;
  /**
   * A directory of the sink's own, for records that wait for their commit: the sink is then `durable`,
   * any number of such sinks fit into a pipeline, and transactions are short. Without it the sink is
   * `last-resource`: one in a pipeline, and its open transaction holds back every `read_committed`
   * reader of the topic from the first record of an interval to its commit.
   */
  readonly staging?: string;
  /**
   * Topic of the sink's markers, one partition, `cleanup.policy=compact`; made when it is missing and
   * the rights allow it. Default: `tidegate.<pipeline>.<sink>`.
   */
  readonly markerTopic?: string;
  /**
   * Behind it the brokers abort an open transaction; at most `transaction.max.timeout.ms` of the brokers
   * (15 minutes). Without `staging` it must be longer than interval and bounds together. Default 600 000, with `staging` 60 000.
   */
  readonly transactionTimeoutMs?: number;
  /** Bytes that are collected before they are sent. kafkajs is slow with large batches. Default 256 KiB. */
  readonly batchBytes?: number;
  /**
   * Longest value, key and headers of a record together. Default: what its topic takes
   * (`max.message.bytes`, 1 MiB unless it was changed).
   */
  readonly maxRecordBytes?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly fileSystem?: FileSystem;
}

const topicPattern = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/;

/** What keeps a text from being the name of a topic. */
export function topicProblem(topic: unknown): string | undefined {
  if (typeof topic === 'string' && topicPattern.test(topic)) return undefined;
  const given = typeof topic === 'string' ? JSON.stringify(topic.slice(0, 60)) : kindOf(topic);
  return `is ${given}, not the name of a topic (1 to 249 letters, digits, . _ -)`;
}

const optionTable = {
  kafka: required(contract(['admin', 'producer', 'consumer'])),
  topic: required(
    custom((topic) => (typeof topic === 'function' ? undefined : topicProblem(topic))),
  ),
  key: callback(() => null),
  value: callback(jsonValue),
  partition: callback(),
  headers: callback(),
  timestampMs: callback(),
  staging: path(),
  markerTopic: custom(topicProblem),
  transactionTimeoutMs: whole({ min: 1_000, max: 2_147_483_647, unit: 'milliseconds' }),
  batchBytes: whole({ min: 1 }, 262_144),
  maxRecordBytes: whole({ min: 1 }),
  clock: contract(['now', 'setTimer'], systemClock),
  random: contract(['next', 'bytes'], systemRandom),
  logger: contract(['info', 'warn'], silentLogger),
  fileSystem: custom(undefined, nodeFileSystem),
} satisfies OptionTable<KafkaSinkOptions<never>>;

/** The options with their defaults. */
export function checkSinkOptions<Rec>(options: KafkaSinkOptions<Rec>) {
  const completed = completeOptions('kafkaSink', options, optionTable, {
    code: 'TIDEGATE_KAFKA_OPTIONS',
  });
  const { transactionTimeoutMs = options.staging === undefined ? 600_000 : 60_000 } = options;
  return { ...completed, transactionTimeoutMs };
}

export type KafkaSinkSettings<Rec> = ReturnType<typeof checkSinkOptions<Rec>>;

function jsonValue(record: unknown): string {
  return recordAsJson(record, 'give the sink a value function');
}

/** A record in the form in which it is sent, and kept by a sink that stages it. */
export class OutputRecord {
  constructor(
    readonly topic: string,
    readonly partition: number | undefined,
    readonly key: Buffer | null,
    readonly value: Buffer | null,
    readonly headers: KafkaHeaders | undefined,
    readonly timestampMs: number | undefined,
  ) {}

  get byteLength(): number {
    const inHeaders = this.headers?.reduce(
      (sum, [name, value]) => sum + Buffer.byteLength(name) + (value?.byteLength ?? 0) + 10,
      0,
    );
    // Lengths, attributes, offset and time of a record take 32 bytes at the most.
    return (this.key?.byteLength ?? 0) + (this.value?.byteLength ?? 0) + (inHeaders ?? 0) + 32;
  }
}

/**
 * @param place Of the record in its epoch, from 1.
 * @throws TidegateError `TIDEGATE_SINK_RECORD` for what Kafka cannot take, naming the part.
 */
export function outputOf<Rec>(
  settings: KafkaSinkSettings<Rec>,
  record: Rec,
  place: number,
): OutputRecord {
  // What a staging sink has kept in our form.
  if (record instanceof OutputRecord) return record;
  const refuse = (what: string): TidegateError =>
    new TidegateError('TIDEGATE_SINK_RECORD', `record ${place} of the epoch: ${what}`);
  const { topic, partition, headers, timestampMs, maxRecordBytes } = settings;
  const to = typeof topic === 'function' ? topic(record) : topic;
  const wrongTopic = typeof topic === 'function' ? topicProblem(to) : undefined;
  if (wrongTopic !== undefined) throw refuse(`its topic ${wrongTopic}`);
  const number = partition?.(record);
  if (number !== undefined && !(Number.isSafeInteger(number) && number >= 0)) {
    throw refuse(`its partition is ${kindOf(number)}, not a whole number of 0 or more`);
  }
  const timeMs = timestampMs?.(record);
  if (timeMs !== undefined && !(Number.isSafeInteger(timeMs) && timeMs >= 0)) {
    throw refuse('its timestampMs is no whole number of milliseconds since 1970');
  }
  const bytes = (part: string, value: unknown): Buffer | null => {
    if (value === null) return null;
    if (typeof value === 'string') return Buffer.from(value);
    if (value instanceof Uint8Array) return Buffer.from(value);
    throw refuse(`its ${part} is ${kindOf(value)}, not text, bytes or null`);
  };
  const named = headers && pairsOf(headers(record));
  const output = new OutputRecord(
    to,
    number,
    bytes('key', settings.key(record)),
    bytes('value', settings.value(record)),
    named?.map(([name, value]) => {
      if (typeof name !== 'string') throw refuse(`the name of a header is ${kindOf(name)}`);
      return [name, bytes(`header ${name}`, value)] as const;
    }),
    timeMs,
  );
  if (maxRecordBytes !== undefined && output.byteLength > maxRecordBytes) {
    throw refuse(`it has ${output.byteLength} bytes, above maxRecordBytes (${maxRecordBytes})`);
  }
  return output;
}

function pairsOf(headers: KafkaSinkHeaders): readonly (readonly [unknown, unknown])[] {
  const isPairs = (one: KafkaSinkHeaders): one is Extract<KafkaSinkHeaders, readonly unknown[]> =>
    Array.isArray(one);
  return isPairs(headers) ? headers : Object.entries(headers);
}
