// The slice of @confluentinc/kafka-javascript that the adapter calls: its documented API in the shape
// of node-rdkafka, where errors come with the codes of librdkafka.

/** Names and values of librdkafka's configuration: `bootstrap.servers`, `sasl.password` and so on. */
export type ConfluentConfig = Readonly<Record<string, string | number | boolean>>;

/** The module, as `import` gives it. */
export interface ConfluentModule {
  readonly Producer: new (
    config: ConfluentSettings,
    topicConfig?: ConfluentSettings,
  ) => ConfluentProducer;
  readonly KafkaConsumer: new (
    config: ConfluentSettings,
    topicConfig?: ConfluentSettings,
  ) => ConfluentConsumer;
  readonly AdminClient: { create(config: ConfluentSettings): ConfluentAdminClient };
}

// What is called with our values and calls back with the client's: its declarations are wider here and
// narrower there than ours.
/* eslint-disable @typescript-eslint/no-explicit-any */
type Settings = any;
type Listener = (...args: any[]) => void;
type Callback = (error: any, value?: any) => void;
/* eslint-enable @typescript-eslint/no-explicit-any */

/** librdkafka's configuration with its callbacks; the module declares it wider than it is needed here. */
export type ConfluentSettings = Settings;

/** What producers and consumers of Confluent's module share. */
export interface ConfluentClient {
  connect(options: { readonly timeout: number }, callback: Callback): unknown;
  disconnect(callback: Callback): unknown;
  on(event: never, listener: Listener): unknown;
}

/** The producer of Confluent's module, as far as the adapter calls it. */
export interface ConfluentProducer extends ConfluentClient {
  setPollInterval(intervalMs: number): unknown;
  initTransactions(timeoutMs: number, callback: Callback): void;
  beginTransaction(callback: Callback): void;
  commitTransaction(timeoutMs: number, callback: Callback): void;
  abortTransaction(timeoutMs: number, callback: Callback): void;
  produce(
    topic: string,
    partition: number,
    value: Buffer | null,
    key: Buffer | null,
    timestampMs: number | undefined,
    opaque: unknown,
    headers: Settings,
  ): unknown;
}

/** The consumer of Confluent's module, as far as the adapter calls it. */
export interface ConfluentConsumer extends ConfluentClient {
  assign(places: Settings): unknown;
  unassign(): unknown;
  subscribe(topics: Settings): unknown;
  setDefaultConsumeTimeout(timeoutMs: number): void;
  consume(count: number, callback: Callback): void;
  commitCb(places: Settings, callback: Callback): unknown;
}

/** The admin client of Confluent's module, as far as the adapter calls it. */
export interface ConfluentAdminClient {
  createTopic(topic: Settings, timeoutMs: number, callback: Callback): void;
  describeTopics(topics: string[], options: { timeout: number }, callback: Callback): void;
  describeGroups(groupIds: string[], options: { timeout: number }, callback: Callback): void;
  listOffsets(
    partitions: Settings,
    options: { timeout: number; isolationLevel: 0 },
    callback: Callback,
  ): void;
  disconnect(): void;
}

/** A record as the consumer hands it out. */
export interface ConfluentMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp?: number;
  readonly key?: Buffer | string | null;
  readonly value: Buffer | null;
  readonly headers?: readonly Readonly<Record<string, Buffer | string | null>>[];
}

export interface ConfluentPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}
