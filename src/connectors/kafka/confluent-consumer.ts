// Reads partitions through librdkafka, at the offsets given and at no other.
//
// What is read is always the whole assignment: a seek, a pause or a new partition assigns anew, between
// two calls of `consume`, and librdkafka drops what it had fetched for the assignment before.

import type { CallOptions } from '../../contracts/source.js';
import { orAborted } from '../../runtime/abort.js';
import {
  KafkaFailure,
  type KafkaConsumer,
  type KafkaConsumerOptions,
  type KafkaHeaders,
  type KafkaRead,
  type RawKafkaRecord,
} from './driver.js';
import { toPlaces } from './confluent-admin.js';
import type {
  ConfluentConfig,
  ConfluentConsumer,
  ConfluentMessage,
  ConfluentModule,
  ConfluentPlace,
} from './confluent-client.js';
import { called, toConfluentFailure } from './confluent-errors.js';
import { readAnew } from './errors.js';

const connectTimeoutMs = 10_000;
/** How long one call waits for records: the longest that a seek waits. */
const consumeMs = 100;
const recordsAtOnce = 1_000;
const defaultMaxBytes = 1_048_576;
/** What librdkafka requires around a fetch. */
const responseOverheadBytes = 1_048_576;
const maxPollMs = 86_400_000;
const [assignPartitions, revokePartitions] = [-175, -174];
/** Events of the client after which no record comes; they have a text and no code. */
const refusedLogin = /authentication|ssl/i;
const brokersAway = /all broker connections are down/i;
/** Of an election of a leader and of librdkafka's own waits: it goes on by itself. */
const passingCodes: readonly unknown[] = [-185, -195, 5, 6, 74, 75, 78];

export class ConfluentPartitions implements KafkaConsumer {
  readonly #consumer: ConfluentConsumer;
  readonly #options: KafkaConsumerOptions;
  readonly #positions: Map<number, bigint>;
  readonly #paused = new Set<number>();
  #ends: ConfluentPlace[] = [];
  #assigned: KafkaRead | undefined;
  #failure: KafkaFailure | undefined;
  #isStale = true;
  #isClosed = false;
  #isConnected = false;

  constructor(module: ConfluentModule, config: ConfluentConfig, options: KafkaConsumerOptions) {
    this.#options = options;
    this.#positions = new Map(options.from);
    const { topic, group, maxBytes = defaultMaxBytes } = options;
    this.#consumer = new module.KafkaConsumer(
      {
        ...config,
        'group.id': group?.id ?? 'tidegate-no-group',
        ...(group === undefined ? {} : sessionOf(group)),
        'max.poll.interval.ms': maxPollMs,
        'partition.assignment.strategy': 'range',
        'enable.auto.commit': false,
        'enable.partition.eof': true,
        'isolation.level': 'read_committed',
        'allow.auto.create.topics': false,
        'fetch.wait.max.ms': consumeMs,
        'fetch.queue.backoff.ms': 5,
        'fetch.message.max.bytes': maxBytes,
        'fetch.max.bytes': Math.max(maxBytes, responseOverheadBytes),
        'receive.message.max.bytes': Math.max(maxBytes, 100_000_000) + responseOverheadBytes,
        'queued.max.messages.kbytes': Math.max(1, Math.ceil(maxBytes / 1_024)),
        rebalance_cb: (error: unknown, places: readonly ConfluentPlace[]) =>
          this.#rebalanced(error, places),
      },
      { 'auto.offset.reset': 'error' },
    );
    this.#consumer.setDefaultConsumeTimeout(consumeMs);
    this.#consumer.on('partition.eof' as never, (end: ConfluentPlace) => this.#ends.push(end));
    this.#consumer.on('event.error' as never, (error: Error) => {
      const { message } = error;
      if (refusedLogin.test(message)) {
        this.#fail(new KafkaFailure('authentication', `connecting: ${message}`, { cause: error }));
      } else if (brokersAway.test(message)) this.#fail(error);
    });
    this.#doing = `reading topic ${topic}`;
  }

  readonly #doing: string;

  async connect({ signal }: CallOptions): Promise<void> {
    try {
      const connecting = called((done) =>
        this.#consumer.connect({ timeout: connectTimeoutMs }, done),
      );
      this.#isConnected = true;
      await orAborted(connecting, signal);
      if (this.#options.group !== undefined) this.#consumer.subscribe([this.#options.topic]);
    } catch (error) {
      await this.close();
      signal.throwIfAborted();
      throw toConfluentFailure(error, this.#doing);
    }
  }

  async *reads({ signal }: CallOptions): AsyncGenerator<KafkaRead> {
    while (!this.#isClosed && !signal.aborted) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isStale) this.#assign();
      const messages = await this.#consume();
      const assigned = this.#assigned;
      this.#assigned = undefined;
      if (assigned !== undefined) yield assigned;
      const ends = this.#ends.splice(0);
      // Assigned anew meanwhile: what was fetched before is not handed out.
      if (this.#isStale || assigned !== undefined) continue;
      for (const read of this.#readsOf(messages, ends)) {
        // A seek while others of this answer were taken.
        if (this.#hasClosed() || this.#positions.get(read.partition) !== read.offset) continue;
        this.#positions.set(read.partition, read.nextOffset);
        if (!this.#paused.has(read.partition)) yield read;
        else this.#positions.set(read.partition, read.offset);
      }
    }
  }

  seek(partition: number, offset: bigint): void {
    this.#positions.set(partition, offset);
    this.#isStale = true;
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.add(partition);
    this.#isStale = true;
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.delete(partition);
    this.#isStale = true;
  }

  async commitOffsets(
    offsets: ReadonlyMap<number, bigint>,
    { signal }: CallOptions,
  ): Promise<void> {
    const { topic, group } = this.#options;
    if (group === undefined) {
      throw new KafkaFailure('unsupported', 'this consumer is no member of a group');
    }
    try {
      const committing = called((done) => this.#consumer.commitCb(toPlaces(topic, offsets), done));
      await orAborted(committing, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw toConfluentFailure(error, `committing offsets of group ${group.id}`);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isConnected) return;
    await called((done) => this.#consumer.disconnect(done)).catch(() => undefined);
  }

  #hasClosed(): boolean {
    return this.#isClosed;
  }

  #fail(error: unknown): void {
    this.#failure ??= readAnew(toConfluentFailure(error, this.#doing));
  }

  #assign(): void {
    this.#isStale = false;
    this.#ends = [];
    const active = [...this.#positions].filter(([partition]) => !this.#paused.has(partition));
    this.#consumer.assign(toPlaces(this.#options.topic, new Map(active)));
  }

  async #consume(): Promise<readonly ConfluentMessage[]> {
    try {
      return await called<readonly ConfluentMessage[]>((done) =>
        this.#consumer.consume(recordsAtOnce, done),
      );
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (!this.#isClosed && !passingCodes.includes(code)) this.#fail(error);
      return [];
    }
  }

  #rebalanced(error: unknown, places: readonly ConfluentPlace[]): void {
    const { code } = error as { code?: unknown };
    if (code !== assignPartitions && code !== revokePartitions) {
      this.#fail(error);
      return;
    }
    this.#positions.clear();
    if (code === revokePartitions) {
      this.#consumer.unassign();
      return;
    }
    this.#consumer.assign([]);
    const partitions = places.map(({ partition }) => partition).sort((one, other) => one - other);
    this.#assigned = { kind: 'assigned', partitions };
  }

  *#readsOf(
    messages: readonly ConfluentMessage[],
    ends: readonly ConfluentPlace[],
  ): Generator<Extract<KafkaRead, { kind: 'records' }>> {
    const found = new Map<number, { records: RawKafkaRecord[]; next: bigint }>();
    const at = (partition: number): { records: RawKafkaRecord[]; next: bigint } => {
      const known = found.get(partition) ?? { records: [], next: 0n };
      found.set(partition, known);
      return known;
    };
    for (const message of messages) {
      const record = toRecord(message);
      const known = at(message.partition);
      known.records.push(record);
      known.next = record.offset + 1n;
    }
    for (const { partition, offset } of ends) {
      const known = at(partition);
      if (BigInt(offset) > known.next) known.next = BigInt(offset);
    }
    for (const [partition, { records, next }] of found) {
      const offset = this.#positions.get(partition);
      if (offset === undefined || next <= offset) continue;
      yield { kind: 'records', partition, offset, records, nextOffset: next };
    }
  }
}

function sessionOf({ sessionTimeoutMs }: { readonly sessionTimeoutMs: number }): object {
  const beatMs = Math.min(3_000, Math.max(1, Math.floor(sessionTimeoutMs / 3)));
  return { 'session.timeout.ms': sessionTimeoutMs, 'heartbeat.interval.ms': beatMs };
}

function toRecord(message: ConfluentMessage): RawKafkaRecord {
  const { partition, offset, timestamp = -1, key = null, value, headers = [] } = message;
  return {
    partition,
    offset: BigInt(offset),
    timestampMs: timestamp,
    key: typeof key === 'string' ? Buffer.from(key) : key,
    value,
    headers: headers.flatMap(toHeaders),
  };
}

function toHeaders(header: Readonly<Record<string, Buffer | string | null>>): KafkaHeaders {
  return Object.entries(header).map(
    ([name, value]) => [name, typeof value === 'string' ? Buffer.from(value) : value] as const,
  );
}
