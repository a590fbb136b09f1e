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
/** librdkafka's configuration with its callbacks, and what calls are given. */
export type ConfluentSettings = any;
/** Called with an event of a client. */
export type ConfluentListener = (...args: any[]) => void;
/** Called with an error, or with the answer. */
export type ConfluentCallback = (error: any, value?: any) => void;
/* eslint-enable @typescript-eslint/no-explicit-any */

/** What producers and consumers of Confluent's module share. */
export interface ConfluentClient {
  connect(options: { readonly timeout: number }, callback: ConfluentCallback): unknown;
  disconnect(callback: ConfluentCallback): unknown;
  on(event: never, listener: ConfluentListener): unknown;
}

/** The producer of Confluent's module, as far as the adapter calls it. */
export interface ConfluentProducer extends ConfluentClient {
  setPollInterval(intervalMs: number): unknown;
  initTransactions(timeoutMs: number, callback: ConfluentCallback): void;
  beginTransaction(callback: ConfluentCallback): void;
  commitTransaction(timeoutMs: number, callback: ConfluentCallback): void;
  abortTransaction(timeoutMs: number, callback: ConfluentCallback): void;
  produce(
    topic: string,
    partition: number,
    value: Buffer | null,
    key: Buffer | null,
    timestampMs: number | undefined,
    opaque: unknown,
    headers: ConfluentSettings,
  ): unknown;
}

/** The consumer of Confluent's module, as far as the adapter calls it. */
export interface ConfluentConsumer extends ConfluentClient {
  assign(places: ConfluentSettings): unknown;
  unassign(): unknown;
  subscribe(topics: ConfluentSettings): unknown;
  setDefaultConsumeTimeout(timeoutMs: number): void;
  consume(count: number, callback: ConfluentCallback): void;
  commitCb(places: ConfluentSettings, callback: ConfluentCallback): unknown;
}

/** The admin client of Confluent's module, as far as the adapter calls it. */
export interface ConfluentAdminClient {
  createTopic(topic: ConfluentSettings, timeoutMs: number, callback: ConfluentCallback): void;
  describeTopics(topics: string[], options: { timeout: number }, callback: ConfluentCallback): void;
  describeGroups(
    groupIds: string[],
    options: { timeout: number },
    callback: ConfluentCallback,
  ): void;
  listOffsets(
    partitions: ConfluentSettings,
    options: { timeout: number; isolationLevel: 0 },
    callback: ConfluentCallback,
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
