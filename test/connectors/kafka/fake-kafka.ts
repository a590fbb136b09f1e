// Kafka as the connectors see it, in memory: logs with transactions, fencing, the last stable offset, and faults.
//
// The fault model, for each call of a producer:
//   lost-before   the request never arrives; the caller sees unknown-outcome
//   lost-after    it takes effect; the caller sees unknown-outcome
//   late          it takes effect when `arrive()` is called, unless a fence came first
//   busy          CONCURRENT_TRANSACTIONS, without an effect
//   away, denied  no broker answers; an ACL is missing
// Transactions that are open for longer than their timeout are aborted by `expire()`.

import {
  KafkaFailure,
  type KafkaAdmin,
  type KafkaConsumer,
  type KafkaConsumerOptions,
  type KafkaDriver,
  type KafkaMessage,
  type KafkaProducer,
  type KafkaProducerOptions,
  type KafkaRange,
  type KafkaRead,
  type RawKafkaRecord,
} from '../../../src/connectors/kafka/driver.js';

import { systemClock, type Clock } from '../../../src/runtime/clock.js';

export type ProducerCall = 'init' | 'send' | 'commit' | 'abort';
export type KafkaFault = 'lost-before' | 'lost-after' | 'late' | 'busy' | 'away' | 'denied';

interface Entry {
  /** A control record has none. */
  readonly message: KafkaMessage | undefined;
  readonly transaction: Transaction | undefined;
}

interface Transaction {
  state: 'open' | 'committed' | 'aborted';
  readonly parts: Set<Entry[]>;
}

interface Topic {
  readonly logs: Entry[][];
  config: ReadonlyMap<string, string>;
  /** First offsets that are left. */
  readonly lows: number[];
  readonly id: string;
}

interface Coordinated {
  epoch: number;
  open: Transaction | undefined;
}

/** Waits are over after some turns of the event loop: the broker above answers within a few. */
export const quickClock: Clock = {
  ...systemClock,
  setTimer(callback) {
    let turns = 50;
    const turn = (): void => {
      turns -= 1;
      if (turns > 0) immediate = setImmediate(turn);
      else callback();
    };
    let immediate = setImmediate(turn);
    return { cancel: () => clearImmediate(immediate) };
  },
};

/** Few, so that everything takes several reads. */
const maxReadRecords = 2;

/** A broker that outlives the processes that use it. */
export class FakeKafka {
  /** Asked at each call of a producer; undefined is no fault. */
  fault: (call: ProducerCall) => KafkaFault | undefined = () => undefined;
  /** Whether topics may be created, as an ACL says. */
  mayCreate = true;
  mayReadConfigs = true;
  /** Of each batch that was sent to a partition. */
  readonly batchBytes: number[] = [];
  /** Answers to fetches. */
  readCount = 0;
  readonly #topics = new Map<string, Topic>();
  readonly #producers = new Map<string, Coordinated>();
  readonly #late: (() => void)[] = [];
  readonly #watchers = new Set<() => void>();
  #made = 0;

  /** The driver as a new process makes it. */
  driver(): KafkaDriver {
    return {
      client: 'fake',
      admin: () => Promise.resolve(this.#admin()),
      producer: (options) => Promise.resolve(this.#producer(options)),
      consumer: (options) => Promise.resolve(this.#consumer(options)),
    };
  }

  create(name: string, partitions = 1, config: Readonly<Record<string, string>> = {}): void {
    this.#made += 1;
    this.#topics.set(name, {
      logs: Array.from({ length: partitions }, () => []),
      lows: Array.from({ length: partitions }, () => 0),
      config: new Map(Object.entries({ 'cleanup.policy': 'delete', ...config })),
      id: `topic-${this.#made}`,
    });
    this.#changed();
  }

  /** Values that a read_committed reader sees, in the order of offsets, partition by partition. */
  visible(name: string): readonly string[] {
    const logs = this.#topics.get(name)?.logs ?? [];
    return logs.flatMap((log) =>
      log
        .slice(0, stableEnd(log))
        .filter(isVisible)
        .map(({ message }) => message?.value?.toString('utf8') ?? 'null'),
    );
  }

  /** Records sent without a transaction, by some other program. */
  append(topic: string, partition: number, ...values: readonly (string | null)[]): void {
    for (const value of values) {
      const bytes = value === null ? null : Buffer.from(value);
      const message = { topic, partition, key: null, value: bytes, timestampMs: 1 };
      this.#log(topic, partition).push({ message, transaction: undefined });
    }
    this.#changed();
  }

  /** As an operator changes a topic. */
  configure(topic: string, config: Readonly<Record<string, string>>): void {
    const found = this.#topics.get(topic);
    if (found === undefined) return;
    found.config = new Map([...found.config, ...Object.entries(config)]);
  }

  /** Retention: nothing below this offset is left. */
  truncate(topic: string, partition: number, low: number): void {
    const found = this.#topics.get(topic);
    if (found !== undefined) found.lows[partition] = low;
  }

  /** Requests that were on their way arrive now. */
  arrive(): void {
    for (const take of this.#late.splice(0)) take();
  }

  /** The transaction timeout of everything that is open has passed. */
  expire(): void {
    for (const producer of this.#producers.values()) {
      if (producer.open === undefined) continue;
      producer.epoch += 1;
      this.#end(producer, 'aborted');
    }
  }

  get openTransactions(): number {
    return [...this.#producers.values()].filter(({ open }) => open !== undefined).length;
  }

  #log(topic: string, partition: number): Entry[] {
    const log = this.#topics.get(topic)?.logs[partition];
    if (log === undefined) throw new KafkaFailure('missing-topic', 'UNKNOWN_TOPIC_OR_PARTITION');
    return log;
  }

  #changed(): void {
    for (const wake of [...this.#watchers]) wake();
  }

  #end(producer: Coordinated, state: 'committed' | 'aborted'): void {
    const { open } = producer;
    producer.open = undefined;
    if (open === undefined) return;
    open.state = state;
    for (const log of open.parts) log.push({ message: undefined, transaction: undefined });
    this.#changed();
  }

  #admin(): KafkaAdmin {
    return {
      clusterId: () => Promise.resolve('fake-cluster'),
      describeTopic: (name) => {
        const found = this.#topics.get(name);
        return Promise.resolve(found && { partitions: found.logs.length, id: found.id });
      },
      ranges: (name) => {
        const { logs = [], lows = [] } = this.#topics.get(name) ?? {};
        const ranges = logs.map((log, partition): [number, KafkaRange] => [
          partition,
          { low: BigInt(lows[partition] ?? 0), high: BigInt(log.length) },
        ]);
        return Promise.resolve(new Map(ranges));
      },
      createTopic: ({ topic, partitions, config }) => {
        if (this.#topics.has(topic)) return Promise.resolve('exists' as const);
        if (!this.mayCreate) {
          return Promise.reject(new KafkaFailure('authorization', 'TOPIC_AUTHORIZATION_FAILED'));
        }
        this.create(topic, partitions, config);
        return Promise.resolve('created' as const);
      },
      topicConfig: (name) =>
        this.mayReadConfigs
          ? Promise.resolve(this.#topics.get(name)?.config ?? new Map<string, string>())
          : Promise.reject(new KafkaFailure('authorization', 'TOPIC_AUTHORIZATION_FAILED')),
      groupMembers: () => Promise.resolve([]),
      commitOffsets: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }

  #producer({ transactionalId }: KafkaProducerOptions): KafkaProducer {
    let epoch: number | undefined;
    const coordinated = (): Coordinated => {
      const found = this.#producers.get(transactionalId);
      if (found !== undefined && found.epoch === epoch) return found;
      throw new KafkaFailure('fenced', 'PRODUCER_FENCED');
    };
    const call = async (what: ProducerCall, effect: () => void): Promise<void> => {
      const fault = this.fault(what);
      await Promise.resolve();
      switch (fault) {
        case 'away':
          throw new KafkaFailure('retriable', 'no broker answers');
        case 'denied':
          throw new KafkaFailure('authorization', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
        case 'busy':
          throw new KafkaFailure('concurrent-transactions', 'CONCURRENT_TRANSACTIONS');
        case 'lost-before':
          throw lost();
        case 'lost-after':
          effect();
          throw lost();
        case 'late':
          this.#late.push(() => {
            try {
              effect();
            } catch (error) {
              if (!(error instanceof KafkaFailure)) throw error;
            }
          });
          throw lost();
        case undefined:
          effect();
      }
    };
    return {
      init: () =>
        call('init', () => {
          const found = this.#producers.get(transactionalId) ?? { epoch: -1, open: undefined };
          this.#producers.set(transactionalId, found);
          found.epoch += 1;
          epoch = found.epoch;
          this.#end(found, 'aborted');
        }),
      begin: () => {
        const transaction: Transaction = { state: 'open', parts: new Set() };
        return Promise.resolve({
          send: (messages: readonly KafkaMessage[]) =>
            call('send', () => {
              const producer = coordinated();
              this.#requireRoom(messages);
              producer.open ??= transaction;
              for (const message of messages) {
                const log = this.#log(message.topic, this.#partitionOf(message));
                transaction.parts.add(log);
                log.push({ message, transaction });
              }
              this.#changed();
            }),
          sendOffsets: () => Promise.resolve(),
          commit: () => call('commit', () => this.#end(coordinated(), 'committed')),
          abort: () => call('abort', () => this.#end(coordinated(), 'aborted')),
        });
      },
      close: () => Promise.resolve(),
    };
  }

  /** As a broker does it: the records of a request that go to one partition are a batch. */
  #requireRoom(messages: readonly KafkaMessage[]): void {
    const batches = new Map<string, number>();
    for (const message of messages) {
      const place = `${message.topic}/${this.#partitionOf(message)}`;
      const { key, value } = message;
      const bytes = (key?.byteLength ?? 0) + (value?.byteLength ?? 0) + 12;
      batches.set(place, (batches.get(place) ?? 61) + bytes);
    }
    for (const [place, bytes] of batches) {
      const limit = this.#topics.get(place.split('/')[0] ?? '')?.config.get('max.message.bytes');
      if (bytes > Number(limit ?? 1_048_588)) {
        throw new KafkaFailure('too-large', 'MESSAGE_TOO_LARGE');
      }
      this.batchBytes.push(bytes);
    }
  }

  #partitionOf({ topic, partition, key }: KafkaMessage): number {
    const count = this.#topics.get(topic)?.logs.length ?? 1;
    return partition ?? (key === null ? 0 : (key.at(-1) ?? 0) % count);
  }

  #consumer({ topic, from }: KafkaConsumerOptions): KafkaConsumer {
    const places = new Map(from);
    const paused = new Set<number>();
    let isClosed = false;
    let wake = (): void => undefined;
    const onChange = (): void => wake();
    this.#watchers.add(onChange);
    const nextRead = (): KafkaRead | undefined => {
      for (const [partition, offset] of places) {
        if (paused.has(partition)) continue;
        const log = this.#log(topic, partition);
        const low = this.#topics.get(topic)?.lows[partition] ?? 0;
        if (offset < BigInt(low) || offset > BigInt(log.length)) {
          throw new KafkaFailure('offset-out-of-range', 'OFFSET_OUT_OF_RANGE');
        }
        const stable = stableEnd(log);
        if (Number(offset) >= stable) continue;
        const end = Math.min(stable, Number(offset) + maxReadRecords);
        const records = log
          .slice(Number(offset), end)
          .flatMap((entry, index) =>
            isVisible(entry) ? [toRecord(entry, partition, offset + BigInt(index))] : [],
          );
        places.set(partition, BigInt(end));
        this.readCount += 1;
        return { kind: 'records', partition, offset, records, nextOffset: BigInt(end) };
      }
      return undefined;
    };
    return {
      async *reads({ signal }) {
        while (!isClosed && !signal.aborted) {
          const read = nextRead();
          if (read !== undefined) {
            yield read;
            continue;
          }
          signal.addEventListener('abort', onChange, { once: true });
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          signal.removeEventListener('abort', onChange);
        }
      },
      seek: (partition, offset) => void places.set(partition, offset),
      pause: (partitions) => partitions.forEach((one) => paused.add(one)),
      resume: (partitions) => {
        partitions.forEach((one) => paused.delete(one));
        wake();
      },
      commitOffsets: () => Promise.resolve(),
      close: () => {
        isClosed = true;
        this.#watchers.delete(onChange);
        wake();
        return Promise.resolve();
      },
    };
  }
}

function lost(): KafkaFailure {
  return new KafkaFailure('unknown-outcome', 'the connection was closed');
}

/** Behind the last record that no open transaction holds back. */
function stableEnd(log: readonly Entry[]): number {
  const open = log.findIndex(({ transaction }) => transaction?.state === 'open');
  return open === -1 ? log.length : open;
}

function isVisible({ message, transaction }: Entry): boolean {
  return message !== undefined && transaction?.state !== 'aborted';
}

function toRecord({ message }: Entry, partition: number, offset: bigint): RawKafkaRecord {
  return {
    partition,
    offset,
    timestampMs: message?.timestampMs ?? 0,
    key: message?.key ?? null,
    value: message?.value ?? null,
    headers: message?.headers ?? [],
  };
}
