// Kafka as the connectors see it, in memory: logs with transactions, fencing, the last stable offset, and faults.
//
// The fault model, for each call of a producer:
//   lost-before   the request never arrives; the caller sees unknown-outcome
//   lost-after    it takes effect; the caller sees unknown-outcome
//   late          it takes effect when `arrive()` is called, unless a fence came first
//   busy          CONCURRENT_TRANSACTIONS, without an effect
//   away, denied  no broker answers; an ACL is missing
// Transactions that are open for longer than their timeout are aborted by `expire()`, or by time where
// the driver is linked to a clock. An end is answered `endingCalls` calls of anybody before it is in the
// logs: until then readers see nothing of it, and its producer and the next one are told to wait.
//
// In a simulation the driver is linked to a port: each request is a point of the schedule.

import { systemClock } from '../../../src/extend/index.js';
import type { CallOptions, Clock } from '../../../src/extend/index.js';
import { KafkaFailure } from '../../../src/connectors/kafka/index.js';
import type {
  KafkaAdmin,
  KafkaConsumer,
  KafkaConsumerOptions,
  KafkaDriver,
  KafkaHeaders,
  KafkaMessage,
  KafkaProducer,
  KafkaProducerOptions,
  KafkaRange,
  KafkaRead,
  RawKafkaRecord,
} from '../../../src/connectors/kafka/index.js';
import type { Port } from '../../../src/testing/index.js';

import { orAborted } from '../../../src/runtime/abort.js';
import { sleep } from '../../../src/runtime/deadline.js';

export type ProducerCall = 'init' | 'send' | 'commit' | 'abort';
export type KafkaFault = 'lost-before' | 'lost-after' | 'late' | 'busy' | 'away' | 'denied';

interface Entry {
  /** A control record has none. */
  readonly message: KafkaMessage | undefined;
  readonly transaction: Transaction | undefined;
}

interface Transaction {
  state: 'open' | 'ending' | 'committed' | 'aborted';
  readonly parts: Set<Entry[]>;
  /** On the clock of the driver, if it has one. */
  deadlineMs?: number;
}

/** How requests of a process reach the broker. */
export interface Link {
  readonly port: Port;
  readonly clock: Clock;
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
  /** Its end is decided, and not in all logs yet. */
  ending: { readonly state: 'committed' | 'aborted'; callsLeft: number } | undefined;
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
  /** Calls between the answer to an end and the end. */
  endingCalls = 0;
  /** Answers to fetches. */
  readCount = 0;
  readonly #topics = new Map<string, Topic>();
  readonly #producers = new Map<string, Coordinated>();
  readonly #late: (() => void)[] = [];
  readonly #watchers = new Set<() => void>();
  #made = 0;

  /** The driver as a new process makes it. */
  driver(link?: Link): KafkaDriver {
    return {
      client: 'fake',
      admin: () => Promise.resolve(this.#admin(link)),
      producer: (options) => Promise.resolve(this.#producer(options, link)),
      consumer: (options) => Promise.resolve(this.#consumer(options, link)),
    };
  }

  /** Everything that was decided is in the logs. */
  settle(): void {
    for (const producer of this.#producers.values()) {
      while (producer.ending !== undefined) this.#turn();
    }
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

  /** Headers of the committed records of partition 0. */
  headers(name: string): readonly KafkaHeaders[] {
    const log = this.#topics.get(name)?.logs[0] ?? [];
    return log.filter(isVisible).map(({ message }) => message?.headers ?? []);
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

  /** A call of anybody: time has passed. */
  #turn(nowMs = -Infinity): void {
    for (const producer of this.#producers.values()) {
      const { ending, open } = producer;
      if (ending === undefined) {
        if (open?.deadlineMs === undefined || nowMs < open.deadlineMs) continue;
        producer.epoch += 1;
        this.#end(producer, 'aborted');
      } else if (--ending.callsLeft <= 0) this.#ended(producer, ending.state);
    }
  }

  #changed(): void {
    for (const wake of [...this.#watchers]) wake();
  }

  #end(producer: Coordinated, state: 'committed' | 'aborted'): void {
    const { open } = producer;
    if (open === undefined) return;
    open.state = 'ending';
    if (this.endingCalls === 0) this.#ended(producer, state);
    else producer.ending = { state, callsLeft: this.endingCalls };
  }

  #ended(producer: Coordinated, state: 'committed' | 'aborted'): void {
    const { open } = producer;
    [producer.open, producer.ending] = [undefined, undefined];
    if (open === undefined) return;
    open.state = state;
    for (const log of open.parts) log.push({ message: undefined, transaction: undefined });
    this.#changed();
  }

  #admin(link: Link | undefined): KafkaAdmin {
    const ask = async <Value>(what: string, call: CallOptions, answer: () => Value) => {
      if (link === undefined) return answer();
      return this.#request(link, call, (port) => port.answer(what, call, answer));
    };
    return {
      clusterId: (call) => ask('cluster id', call, () => 'fake-cluster'),
      describeTopic: (name, call) =>
        ask('describe topic', call, () => {
          const found = this.#topics.get(name);
          return found && { partitions: found.logs.length, id: found.id };
        }),
      ranges: (name, call) =>
        ask('ends', call, () => {
          const { logs = [], lows = [] } = this.#topics.get(name) ?? {};
          const ranges = logs.map((log, partition): [number, KafkaRange] => [
            partition,
            { low: BigInt(lows[partition] ?? 0), high: BigInt(log.length) },
          ]);
          return new Map(ranges);
        }),
      createTopic: async ({ topic, partitions, config }, call) => {
        const create = (): 'created' | 'exists' => {
          if (this.#topics.has(topic)) return 'exists';
          if (!this.mayCreate) {
            throw new KafkaFailure('authorization', 'TOPIC_AUTHORIZATION_FAILED');
          }
          this.create(topic, partitions, config);
          return 'created';
        };
        if (link === undefined) return create();
        return this.#request(link, call, (port) => port.durable('create topic', call, create));
      },
      topicConfig: (name, _names, call) =>
        ask('configuration', call, () => {
          if (this.mayReadConfigs) return this.#topics.get(name)?.config ?? new Map();
          throw new KafkaFailure('authorization', 'TOPIC_AUTHORIZATION_FAILED');
        }),
      groupMembers: () => Promise.resolve([]),
      commitOffsets: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }

  /** A request of a simulated process. Its loss is seen as a client sees it. */
  async #request<Value>(
    { port, clock }: Link,
    { signal }: CallOptions,
    send: (port: Port) => Promise<Value>,
  ): Promise<Value> {
    this.#turn(clock.monotonicMs());
    try {
      return await orAborted(send(port), signal);
    } catch (error) {
      if (error instanceof KafkaFailure || signal.aborted) throw error;
      throw lost(error);
    }
  }

  #producer(
    { transactionalId, transactionTimeoutMs }: KafkaProducerOptions,
    link: Link | undefined,
  ): KafkaProducer {
    let epoch: number | undefined;
    const coordinated = (): Coordinated => {
      const found = this.#producers.get(transactionalId);
      if (found === undefined || found.epoch !== epoch)
        throw new KafkaFailure('fenced', 'PRODUCER_FENCED');
      if (found.ending !== undefined) throw busy();
      return found;
    };
    const call = async (
      what: ProducerCall,
      options: CallOptions,
      effect: () => void,
    ): Promise<void> => {
      if (link !== undefined) {
        await this.#request(link, options, (port) => port.durable(what, options, effect));
        return;
      }
      this.#turn();
      const fault = this.fault(what);
      await Promise.resolve();
      switch (fault) {
        case 'away':
          throw new KafkaFailure('retriable', 'no broker answers');
        case 'denied':
          throw new KafkaFailure('authorization', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
        case 'busy':
          throw busy();
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
      init: (options) =>
        call('init', options, () => {
          const none: Coordinated = { epoch: -1, open: undefined, ending: undefined };
          const found = this.#producers.get(transactionalId) ?? none;
          this.#producers.set(transactionalId, found);
          if (found.ending !== undefined) throw busy();
          found.epoch += 1;
          epoch = found.epoch;
          this.#end(found, 'aborted');
          // Fenced it is at once; the caller waits until the abort is in the logs.
          if (this.#producers.get(transactionalId)?.ending !== undefined) throw busy();
        }),
      begin: () => {
        const transaction: Transaction = { state: 'open', parts: new Set() };
        return Promise.resolve({
          send: (messages: readonly KafkaMessage[], options: CallOptions) =>
            call('send', options, () => {
              const producer = coordinated();
              this.#requireRoom(messages);
              // A send that arrives behind the end of its transaction begins another one.
              const isNew = producer.open === undefined && transaction.state !== 'open';
              const current: Transaction = isNew
                ? { state: 'open', parts: new Set() }
                : (producer.open ?? transaction);
              producer.open = current;
              if (link !== undefined) {
                current.deadlineMs ??= link.clock.monotonicMs() + transactionTimeoutMs;
              }
              for (const message of messages) {
                const log = this.#log(message.topic, this.#partitionOf(message));
                current.parts.add(log);
                log.push({ message, transaction: current });
              }
              this.#changed();
            }),
          sendOffsets: () => Promise.resolve(),
          commit: (options: CallOptions) =>
            call('commit', options, () => this.#end(coordinated(), 'committed')),
          abort: (options: CallOptions) =>
            call('abort', options, () => this.#end(coordinated(), 'aborted')),
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

  #consumer({ topic, from }: KafkaConsumerOptions, link: Link | undefined): KafkaConsumer {
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
    const fetch = async (options: CallOptions): Promise<KafkaRead | undefined> => {
      if (link === undefined) return nextRead();
      return this.#request(link, options, (port) => port.answer('fetch', options, nextRead));
    };
    return {
      async *reads({ signal }) {
        while (!isClosed && !signal.aborted) {
          const read = await fetch({ signal });
          if (read !== undefined) {
            yield read;
            continue;
          }
          if (link !== undefined) {
            await sleep(link.clock, 100, signal);
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

function lost(cause?: unknown): KafkaFailure {
  return new KafkaFailure('unknown-outcome', 'the connection was closed', { cause });
}

function busy(): KafkaFailure {
  return new KafkaFailure('concurrent-transactions', 'CONCURRENT_TRANSACTIONS');
}

/** Behind the last record that no open transaction holds back. */
function stableEnd(log: readonly Entry[]): number {
  const open = log.findIndex(
    ({ transaction }) => transaction?.state === 'open' || transaction?.state === 'ending',
  );
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
