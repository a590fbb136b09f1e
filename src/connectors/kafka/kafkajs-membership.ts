// Membership of a consumer group through kafkajs: its consumer heartbeats and fetches nothing.
//
// Its loop is paused, so that heartbeats go on whatever the flow waits for, and its own positions,
// which it forgets at each join and resets in silence, are never used.

import type { KafkaJsClient, KafkaJsConsumer } from './kafkajs-client.js';
import { toFailure } from './kafkajs-errors.js';

export interface MembershipListener {
  assigned(partitions: readonly number[]): void;
  failed(error: unknown): void;
}

export interface MembershipOptions {
  readonly topic: string;
  readonly group: { readonly id: string; readonly sessionTimeoutMs: number };
}

export class Membership {
  readonly #consumer: KafkaJsConsumer;
  readonly #options: MembershipOptions;

  constructor(client: KafkaJsClient, options: MembershipOptions) {
    const { id, sessionTimeoutMs } = options.group;
    const heartbeatInterval = Math.max(Math.floor(sessionTimeoutMs / 5), 1);
    this.#options = options;
    this.#consumer = client.consumer({
      groupId: id,
      allowAutoTopicCreation: false,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval,
      // How long its paused loop sleeps between two looks at the heartbeat.
      maxWaitTimeInMs: Math.max(Math.floor(heartbeatInterval / 2), 1),
      // A coordinator that has just come up loads for a while.
      retry: {
        retries: 8,
        initialRetryTime: 100,
        maxRetryTime: 1_000,
        restartOnFailure: () => Promise.resolve(false),
      },
    });
  }

  async connect(): Promise<void> {
    const { topic, group } = this.#options;
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topic });
    } catch (error) {
      await this.close();
      throw toFailure(error, `joining group ${group.id}`);
    }
  }

  /** Joins; what it was given is told to the listener, now and at each rebalance. */
  start(listener: MembershipListener): void {
    const { topic } = this.#options;
    const { GROUP_JOIN, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#consumer.pause([{ topic }]);
      const partitions = payload.memberAssignment[topic] ?? [];
      listener.assigned([...partitions].sort((one, other) => one - other));
    });
    this.#consumer.on(CRASH, ({ payload }) => listener.failed(payload.error));
    const nothing = (): Promise<void> => Promise.resolve();
    this.#consumer
      .run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: nothing })
      .catch((error: unknown) => listener.failed(error));
  }

  async commitOffsets(offsets: ReadonlyMap<number, bigint>): Promise<void> {
    const { topic, group } = this.#options;
    const entries = [...offsets].map(([partition, offset]) => ({
      topic,
      partition,
      offset: String(offset),
    }));
    try {
      await this.#consumer.commitOffsets(entries);
    } catch (error) {
      throw toFailure(error, `committing offsets of group ${group.id}`);
    }
  }

  async close(): Promise<void> {
    await this.#consumer.disconnect().catch(() => undefined);
  }
}
