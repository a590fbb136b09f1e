// The transactional producer of the Confluent adapter.

import type { CallOptions } from '../../contracts/source.js';
import { orAborted } from '../../runtime/abort.js';
import { systemClock } from '../../runtime/clock.js';
import { sleep } from '../../runtime/deadline.js';
import {
  KafkaFailure,
  type KafkaMessage,
  type KafkaProducer,
  type KafkaProducerOptions,
  type KafkaTransaction,
} from './driver.js';
import { describeTopic } from './confluent-admin.js';
import type {
  ConfluentAdminClient,
  ConfluentConfig,
  ConfluentModule,
  ConfluentProducer,
} from './confluent-client.js';
import { called, toConfluentFailure } from './confluent-errors.js';
import { withAge } from './errors.js';
import { partitionOf } from './murmur2.js';

const connectTimeoutMs = 10_000;
const pollMs = 5;
/** What librdkafka allows: the broker decides what is too large. */
const maxMessageBytes = 1_000_000_000;
const queueFull = -184;
const queuePauseMs = 10;

interface Report {
  readonly opaque?: unknown;
}

type Settle = (error: unknown) => void;

export class ConfluentTransactions implements KafkaProducer {
  readonly options: KafkaProducerOptions;
  readonly producer: ConfluentProducer;
  readonly #admin: ConfluentAdminClient;
  readonly #partitions = new Map<string, number>();
  #keyless = 0;
  #isConnected = false;
  #isClosed = false;

  constructor(module: ConfluentModule, config: ConfluentConfig, options: KafkaProducerOptions) {
    this.options = options;
    this.producer = new module.Producer({
      ...config,
      'transactional.id': options.transactionalId,
      'transaction.timeout.ms': options.transactionTimeoutMs,
      'message.max.bytes': maxMessageBytes,
      'linger.ms': 0,
      acks: -1,
      dr_cb: true,
    });
    this.producer.on('delivery-report' as never, (error: unknown, { opaque }: Report) => {
      if (typeof opaque === 'function') (opaque as Settle)(error);
    });
    this.producer.on('event.error' as never, () => undefined);
    this.#admin = module.AdminClient.create({ ...config });
  }

  async init({ signal }: CallOptions): Promise<void> {
    const { transactionalId, transactionTimeoutMs } = this.options;
    try {
      await orAborted(
        called((done) => this.producer.connect({ timeout: connectTimeoutMs }, done)),
        signal,
      );
      this.#isConnected = true;
      this.producer.setPollInterval(pollMs);
      await orAborted(
        called((done) => this.producer.initTransactions(transactionTimeoutMs, done)),
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      throw toConfluentFailure(error, `taking the transactional id ${transactionalId}`);
    }
  }

  begin(): Promise<KafkaTransaction> {
    if (this.#isClosed) {
      return Promise.reject(new KafkaFailure('closed', 'the producer is closed'));
    }
    return Promise.resolve(new ConfluentTransaction(this));
  }

  async partitionFor({ topic, key, partition }: KafkaMessage): Promise<number> {
    if (partition !== undefined) return partition;
    let count = this.#partitions.get(topic);
    if (count === undefined) {
      count = (await describeTopic(this.#admin, topic))?.partitions;
      if (count === undefined) {
        throw new KafkaFailure('missing-topic', `topic ${topic} does not exist`);
      }
      this.#partitions.set(topic, count);
    }
    if (key !== null) return partitionOf(key, count);
    this.#keyless += 1;
    return this.#keyless % count;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#admin.disconnect();
    if (!this.#isConnected) return;
    await called((done) => this.producer.disconnect(done)).catch(() => undefined);
  }
}

class ConfluentTransaction implements KafkaTransaction {
  readonly #owner: ConfluentTransactions;
  #beganMs: number | undefined;
  #hasBegun = false;

  constructor(owner: ConfluentTransactions) {
    this.#owner = owner;
  }

  async send(messages: readonly KafkaMessage[], { signal }: CallOptions): Promise<void> {
    await this.#call('sending', signal, async () => {
      const placed: number[] = [];
      for (const message of messages) placed.push(await this.#owner.partitionFor(message));
      const delivered: Promise<unknown>[] = [];
      try {
        for (const [index, message] of messages.entries()) {
          await this.#produce(message, placed[index] ?? 0, delivered);
        }
      } catch (error) {
        await Promise.allSettled(delivered);
        throw error;
      }
      await Promise.all(delivered);
    });
  }

  sendOffsets(): Promise<void> {
    return Promise.reject(
      new KafkaFailure(
        'unsupported',
        '@confluentinc/kafka-javascript commits offsets of its own consumers only',
      ),
    );
  }

  async commit({ signal }: CallOptions): Promise<void> {
    const { producer, options } = this.#owner;
    await this.#call('committing', signal, async () => {
      // Nothing was sent: the broker knows of no transaction.
      if (this.#hasBegun) {
        await called((done) => producer.commitTransaction(options.transactionTimeoutMs, done));
      }
    });
  }

  async abort({ signal }: CallOptions): Promise<void> {
    const { producer, options } = this.#owner;
    await this.#call('aborting', signal, async () => {
      if (this.#hasBegun) {
        await called((done) => producer.abortTransaction(options.transactionTimeoutMs, done));
      }
    });
  }

  /** Queues it, and adds the wait for its delivery. */
  async #produce(
    message: KafkaMessage,
    partition: number,
    delivered: Promise<unknown>[],
  ): Promise<void> {
    const { producer } = this.#owner;
    if (!this.#hasBegun) {
      await called((done) => producer.beginTransaction(done));
      this.#hasBegun = true;
    }
    const { topic, value, key, timestampMs, headers = [] } = message;
    const asSent = headers.map(([name, bytes]) => ({ [name]: bytes ?? Buffer.alloc(0) }));
    for (;;) {
      let settle: Settle = () => undefined;
      const delivery = called((done) => (settle = done));
      delivery.catch(() => undefined);
      try {
        producer.produce(topic, partition, value, key, timestampMs, settle, asSent);
        delivered.push(delivery);
        return;
      } catch (error) {
        if ((error as { code?: unknown }).code !== queueFull) throw error;
        await sleep(systemClock, queuePauseMs);
      }
    }
  }

  async #call(doing: string, signal: AbortSignal, run: () => Promise<void>): Promise<void> {
    const { options } = this.#owner;
    this.#beganMs ??= systemClock.monotonicMs();
    try {
      await orAborted(run(), signal);
    } catch (error) {
      signal.throwIfAborted();
      const what = `${doing} in a transaction of ${options.transactionalId}`;
      const failure = toConfluentFailure(error, what, 'unknown-outcome');
      throw withAge(failure, systemClock.monotonicMs() - this.#beganMs, options);
    }
  }
}
