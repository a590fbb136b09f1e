// The slice of kafkajs 2.2 that the adapter calls, so that its types are needed by no user without it.

/** What `new Kafka(…)` of kafkajs gives. */
export interface KafkaJsClient {
  admin(options: { readonly retry: KafkaJsRetry }): KafkaJsAdmin;
  producer(options: {
    readonly transactionalId: string;
    readonly transactionTimeout: number;
    readonly maxInFlightRequests: number;
    readonly allowAutoTopicCreation: boolean;
    readonly createPartitioner: () => (arguments_: {
      readonly message: { readonly partition?: number };
    }) => number;
    readonly retry: KafkaJsRetry;
  }): KafkaJsProducer;
  consumer(options: {
    readonly groupId: string;
    readonly allowAutoTopicCreation: boolean;
    readonly readUncommitted?: boolean;
    readonly sessionTimeout?: number;
    readonly heartbeatInterval?: number;
    readonly maxWaitTimeInMs?: number;
    readonly retry?: KafkaJsRetry & { readonly restartOnFailure?: () => Promise<boolean> };
    partitionAssigners?: ((config: { readonly cluster: KafkaJsCluster }) => never)[];
  }): KafkaJsConsumer;
}

/** How often and with which pauses kafkajs tries again. */
export interface KafkaJsRetry {
  readonly retries?: number;
  readonly initialRetryTime?: number;
  readonly maxRetryTime?: number;
}

/** What admin clients, producers and consumers of kafkajs share. */
export interface KafkaJsConnected {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

/** A partition and an offset, as kafkajs writes them. */
export interface KafkaJsPartitionOffset {
  readonly partition: number;
  readonly offset: string;
}

/** The admin client of kafkajs, as far as the adapter calls it. */
export interface KafkaJsAdmin extends KafkaJsConnected {
  describeCluster(): Promise<{ readonly clusterId: string }>;
  createTopics(options: {
    readonly topics: {
      topic: string;
      numPartitions?: number;
      replicationFactor?: number;
      configEntries?: { name: string; value: string }[];
    }[];
  }): Promise<boolean>;
  describeConfigs(options: {
    readonly resources: { type: number; name: string; configNames?: string[] }[];
    readonly includeSynonyms: boolean;
  }): Promise<{
    readonly resources: readonly {
      readonly configEntries: readonly {
        readonly configName: string;
        readonly configValue: string;
      }[];
    }[];
  }>;
  describeGroups(groupIds: string[]): Promise<{
    readonly groups: readonly {
      readonly members: readonly {
        readonly memberId: string;
        readonly clientId: string;
        readonly clientHost: string;
      }[];
    }[];
  }>;
}

/** The producer of kafkajs, as far as the adapter calls it. */
export interface KafkaJsProducer extends KafkaJsConnected {
  transaction(): Promise<KafkaJsTransaction>;
}

/** A transaction of kafkajs, as far as the adapter calls it. */
export interface KafkaJsTransaction {
  sendBatch(batch: {
    readonly acks: number;
    readonly topicMessages: {
      topic: string;
      messages: {
        key: Buffer | null;
        value: Buffer | null;
        partition: number;
        headers?: Record<string, Buffer | Buffer[]>;
        timestamp?: string;
      }[];
    }[];
  }): Promise<unknown>;
  sendOffsets(offsets: {
    readonly consumerGroupId: string;
    readonly topics: { topic: string; partitions: KafkaJsPartitionOffset[] }[];
  }): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** The consumer of kafkajs, as far as the adapter calls it. */
export interface KafkaJsConsumer extends KafkaJsConnected {
  readonly events: {
    readonly GROUP_JOIN: 'consumer.group_join';
    readonly CRASH: 'consumer.crash';
  };
  on(event: 'consumer.group_join', listener: (event: KafkaJsJoined) => void): unknown;
  on(event: 'consumer.crash', listener: (event: KafkaJsCrashed) => void): unknown;
  subscribe(subscription: { topic: string }): Promise<void>;
  run(options: {
    readonly autoCommit: boolean;
    readonly eachBatchAutoResolve: boolean;
    readonly eachBatch: () => Promise<void>;
  }): Promise<void>;
  pause(topics: { topic: string }[]): void;
  commitOffsets(offsets: { topic: string; partition: number; offset: string }[]): Promise<void>;
}

/** The event of a kafkajs consumer that has joined its group. */
export interface KafkaJsJoined {
  readonly payload: { readonly memberAssignment: Readonly<Record<string, readonly number[]>> };
}

/** The event of a kafkajs consumer that has crashed. */
export interface KafkaJsCrashed {
  readonly payload: { readonly error: Error };
}

/** What kafkajs gives to a partition assigner: the documented way to its requests. */
export interface KafkaJsCluster extends KafkaJsConnected {
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  removeBroker(address: { readonly host: string; readonly port: number }): void;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>;
  findBroker(node: { readonly nodeId: string }): Promise<KafkaJsBroker>;
  findGroupCoordinator(group: { readonly groupId: string }): Promise<KafkaJsBroker>;
  fetchTopicsOffset(
    topics: { topic: string; partitions: { partition: number }[]; fromBeginning: boolean }[],
  ): Promise<readonly { readonly partitions: readonly KafkaJsPartitionOffset[] }[]>;
}

/** A broker of kafkajs, as far as the adapter calls it. */
export interface KafkaJsBroker {
  fetch(request: {
    readonly isolationLevel: number;
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly topics: {
      topic: string;
      partitions: { partition: number; fetchOffset: string; maxBytes: number }[];
    }[];
  }): Promise<{ readonly responses: readonly KafkaJsFetchedTopic[] }>;
  offsetCommit(request: {
    readonly groupId: string;
    readonly groupGenerationId: number;
    readonly memberId: string;
    readonly topics: { topic: string; partitions: KafkaJsPartitionOffset[] }[];
  }): Promise<unknown>;
}

/** A topic in the answer to a fetch of kafkajs. */
export interface KafkaJsFetchedTopic {
  readonly partitions: readonly KafkaJsFetchedPartition[];
}

/** One partition of the answer to a fetch, decoded and not filtered. */
export interface KafkaJsFetchedPartition {
  readonly partition: number;
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly abortedTransactions: readonly KafkaJsAbortedTransaction[] | null;
  readonly messages: readonly KafkaJsFetchedMessage[];
}

/** A transaction that was aborted, in the answer to a fetch of kafkajs. */
export interface KafkaJsAbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: string;
}

/** A record in the answer to a fetch of kafkajs. */
export interface KafkaJsFetchedMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly isControlRecord?: boolean;
  /** Of the batch that it came in; missing in the formats before Kafka 0.11, which have no transactions. */
  readonly batchContext?: {
    readonly firstOffset: string;
    readonly lastOffsetDelta: number;
    readonly producerId: string;
    readonly inTransaction: boolean;
  };
}
