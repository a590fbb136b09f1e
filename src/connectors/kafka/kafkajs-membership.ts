// Membership of a consumer group through kafkajs: its consumer heartbeats and fetches nothing.
//
// Its loop is paused, so that heartbeats go on whatever the flow waits for, and its own positions,
// which it forgets at each join and resets in silence, are never used.

import type { KafkaGroupMembership } from './driver.js';
import type { KafkaJsClient, KafkaJsConsumer } from './kafkajs-client.js';
import { toFailure } from './kafkajs-errors.js';
import { stickyAssigner } from './kafkajs-sticky.js';

export interface MembershipListener {
  assigned(partitions: readonly number[]): void;
  failed(error: unknown): void;
}

export interface MembershipOptions {
  readonly topic: string;
  readonly group: KafkaGroupMembership;
}

export class Membership {
  readonly #consumer: KafkaJsConsumer;
  readonly #options: MembershipOptions;
  #held: readonly number[];

  constructor(client: KafkaJsClient, options: MembershipOptions) {
    const { id, sessionTimeoutMs, isSticky = false, held = [] } = options.group;
    this.#held = held;
    const heartbeatInterval = Math.max(Math.floor(sessionTimeoutMs / 5), 1);
    this.#options = options;
    this.#consumer = client.consumer({
      groupId: id,
      allowAutoTopicCreation: false,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval,
      // How long its paused loop sleeps between two looks at the heartbeat.
      maxWaitTimeInMs: Math.max(Math.floor(heartbeatInterval / 2), 1),
      ...(isSticky
        ? { partitionAssigners: [stickyAssigner(options.topic, () => this.#held) as () => never] }
        : {}),
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
      this.#held = [...partitions].sort((one, other) => one - other);
      listener.assigned(this.#held);
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
