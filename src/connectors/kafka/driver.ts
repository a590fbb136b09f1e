// The slice of a Kafka client that the connectors call: admin, transactional producer, consumer.

import type { CallOptions } from '../../contracts/source.js';

/** What to do about a failure of the client or the broker. Every failure of a driver has one kind. */
export type KafkaErrorKind =
  /** The broker is away, a leader moves, a request timed out: try again. Nothing has taken effect. */
  | 'retriable'
  /** The request may or may not have taken effect: read what the broker has before trying again. */
  | 'unknown-outcome'
  /** Another producer has taken the transactional id. This one can do nothing with it. */
  | 'fenced'
  /** The transaction before this one is not over on the broker yet: ask again soon. */
  | 'concurrent-transactions'
  /** The broker aborted the transaction, because it was open for longer than its timeout. */
  | 'transaction-timed-out'
  /** The transaction timeout is beyond `transaction.max.timeout.ms` of the broker. */
  | 'timeout-invalid'
  /** No record is at this offset, now or later: below the start of the log or above its end. */
  | 'offset-out-of-range'
  /** The broker refused the credentials, or the TLS handshake failed. */
  | 'authentication'
  /** An ACL is missing. */
  | 'authorization'
  /** The topic or partition does not exist. */
  | 'missing-topic'
  /** A record or a batch is larger than the topic or the broker takes. */
  | 'too-large'
  /** Fewer replicas are in sync than `min.insync.replicas` asks for. */
  | 'not-enough-replicas'
  /** The broker or the client lacks a capability. */
  | 'unsupported'
  /** The broker refused the request itself: the call or the configuration is wrong. */
  | 'invalid'
  /** This side has closed it. */
  | 'closed';

/** What a driver throws. The message holds no credential and no content of a record. */
export class KafkaFailure extends Error {
  override readonly name = 'KafkaFailure';
  readonly kind: KafkaErrorKind;

  constructor(kind: KafkaErrorKind, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
  }
}

/** Headers in their order; a name may come several times. */
export type KafkaHeaders = readonly (readonly [name: string, value: Buffer | null])[];

/** A record as it was read. The bytes belong to whoever reads them. */
export interface RawKafkaRecord {
  readonly partition: number;
  readonly offset: bigint;
  /** Whole milliseconds, of the producer or, with `LogAppendTime`, of the broker. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  /** `null` is a tombstone. */
  readonly value: Buffer | null;
  readonly headers: KafkaHeaders;
}

/** A record to be sent. */
export interface KafkaMessage {
  readonly topic: string;
  /** Default: murmur2 of the key, as Java's client has it; any partition where there is no key. */
  readonly partition?: number | undefined;
  readonly key: Buffer | null;
  /** `null` is a tombstone. */
  readonly value: Buffer | null;
  readonly headers?: KafkaHeaders | undefined;
  /** Whole milliseconds. Default: now. */
  readonly timestampMs?: number | undefined;
}

/** A topic, as the broker describes it. */
export interface KafkaTopic {
  readonly partitions: number;
  /** The broker's id of this topic; another one when it is deleted and made anew. */
  readonly id?: string | undefined;
}

/** First offset that is still there, and the offset that the next record will get. */
export interface KafkaRange {
  readonly low: bigint;
  readonly high: bigint;
}

/** A topic that is to be created. */
export interface NewKafkaTopic {
  readonly topic: string;
  readonly partitions: number;
  /** Default: as the broker has it. */
  readonly replicationFactor?: number | undefined;
  /** `cleanup.policy` and the like. */
  readonly config?: Readonly<Record<string, string>> | undefined;
}

/** A member of a consumer group, as the broker lists it. */
export interface KafkaGroupMember {
  readonly memberId: string;
  readonly clientId: string;
  readonly host: string;
}

/** The admin side of a driver. */
export interface KafkaAdmin {
  /** Undefined where the client does not give it; then topics have ids. */
  clusterId(options: CallOptions): Promise<string | undefined>;
  /** Undefined when there is none. It is never created by asking. */
  describeTopic(topic: string, options: CallOptions): Promise<KafkaTopic | undefined>;
  /** Of all partitions. `high` counts records of transactions that are open or were aborted. */
  ranges(topic: string, options: CallOptions): Promise<ReadonlyMap<number, KafkaRange>>;
  /** Answers `exists` when there is one of this name, whatever its configuration. */
  createTopic(topic: NewKafkaTopic, options: CallOptions): Promise<'created' | 'exists'>;
  /** Values by name, as the broker resolves them (own, broker's, default). */
  topicConfig(
    topic: string,
    names: readonly string[],
    options: CallOptions,
  ): Promise<ReadonlyMap<string, string>>;
  groupMembers(groupId: string, options: CallOptions): Promise<readonly KafkaGroupMember[]>;
  /** Commits offsets of a group that has no member, for lag monitors. */
  commitOffsets(
    offsets: KafkaGroupOffsets & { readonly groupId: string },
    options: CallOptions,
  ): Promise<void>;
  close(): Promise<void>;
}

/** Next offsets to read, by partition. */
export interface KafkaGroupOffsets {
  readonly topic: string;
  readonly offsets: ReadonlyMap<number, bigint>;
}

/** What a transactional producer is opened with. */
export interface KafkaProducerOptions {
  readonly transactionalId: string;
  /** After this long the broker aborts a transaction by itself. */
  readonly transactionTimeoutMs: number;
}

/**
 * A transactional producer, idempotent, `acks=all`. Obligations on a driver:
 *
 * 1. `init` is InitProducerId without a producer id: when it settles, every older producer of this
 *    transactional id is fenced and its open transaction aborted. It is called once, first.
 * 2. `begin` sends nothing. One transaction at a time; the next one after `commit` or `abort`.
 * 3. Nothing is sent again by a later producer of the same process, and nothing after `close`.
 * 4. A failure of kind `retriable` has had no effect; where that is not known, it is
 *    `unknown-outcome`. After one of `commit` the producer is used for nothing but `close`.
 */
export interface KafkaProducer {
  init(options: CallOptions): Promise<void>;
  begin(): Promise<KafkaTransaction>;
  /** Never fails; the broker aborts what is open after the transaction timeout. */
  close(): Promise<void>;
}

/** An open transaction of a producer. */
export interface KafkaTransaction {
  /** Settles when all replicas in sync have the records. Their order is kept in each partition. */
  send(messages: readonly KafkaMessage[], options: CallOptions): Promise<void>;
  /** Commits a group's offsets with the transaction. */
  sendOffsets(
    offsets: KafkaGroupOffsets & { readonly groupId: string },
    options: CallOptions,
  ): Promise<void>;
  commit(options: CallOptions): Promise<void>;
  abort(options: CallOptions): Promise<void>;
}

/** As whom a consumer reads in a group. */
export interface KafkaGroupMembership {
  readonly id: string;
  readonly sessionTimeoutMs: number;
  /**
   * Leaves partitions with their members, as far as the load allows; every member asks for it. A client
   * that cannot do it assigns as it does otherwise. Default false.
   */
  readonly isSticky?: boolean;
  /** What this member had in the membership before this one, and still works on. Default none. */
  readonly held?: readonly number[];
}

/** What a consumer reads, and from where. */
export interface KafkaConsumerOptions {
  readonly topic: string;
  /** The next offset to read of each partition; partitions that are not in it are not read. */
  readonly from: ReadonlyMap<number, bigint>;
  /**
   * Read as a member of this group, which may take partitions away. Left out: the partitions are
   * read whoever else reads them, and no session timeout is waited for after a crash.
   */
  readonly group?: KafkaGroupMembership | undefined;
  /** Of a record, a batch and a fetch: how much may be held at a time. */
  readonly maxBytes?: number | undefined;
}

/** What a consumer hands out. */
export type KafkaRead =
  /** Records of one partition in the order of their offsets; may be none behind an aborted range. */
  | {
      readonly kind: 'records';
      readonly partition: number;
      /** The offset that was asked for: what lies between it and the first record is a gap. */
      readonly offset: bigint;
      readonly records: readonly RawKafkaRecord[];
      /** Behind the last record and the markers and aborted records that follow it. */
      readonly nextOffset: bigint;
    }
  /** Member of a group: the partitions it has from now on. Fetching goes on with `seek`. */
  | { readonly kind: 'assigned'; readonly partitions: readonly number[] };

/**
 * Obligations on a driver:
 *
 * 1. Only records of committed transactions and those of none, up to the last stable offset.
 * 2. It begins at the offsets given and never somewhere else: an offset that is out of range is a
 *    failure of that kind, and no policy resets it.
 * 3. It fetches little ahead of what is taken, and its heartbeats go on while nothing is taken.
 * 4. What was fetched before a `seek` is not handed out after it.
 * 5. Closing leaves the group at once. No offset is committed but by `commitOffsets`.
 */
export interface KafkaConsumer {
  /** Ends when the consumer is closed; throws a `KafkaFailure` when it cannot go on. Read once. */
  reads(options: CallOptions): AsyncIterable<KafkaRead>;
  /** Sets the next offset of a partition, also of one that was not read so far. */
  seek(partition: number, offset: bigint): void;
  pause(partitions: readonly number[]): void;
  resume(partitions: readonly number[]): void;
  /** As a member of the group; without one the driver may refuse with `unsupported`. */
  commitOffsets(offsets: ReadonlyMap<number, bigint>, options: CallOptions): Promise<void>;
  close(): Promise<void>;
}

/**
 * A Kafka client, already configured with brokers, TLS and SASL. Each call opens connections of its
 * own, which `close` of its result ends. `signal` ends the waiting, and the connections with it.
 */
export interface KafkaDriver {
  /** The client, for messages: `kafkajs`. */
  readonly client: string;
  admin(options: CallOptions): Promise<KafkaAdmin>;
  producer(producer: KafkaProducerOptions, options: CallOptions): Promise<KafkaProducer>;
  consumer(consumer: KafkaConsumerOptions, options: CallOptions): Promise<KafkaConsumer>;
}
