// A Kafka consumer group as assigner: its coordinator says who runs which partition, and finds the dead.

import { TidegateError } from '../errors.js';
import { contractProblem } from '../given.js';
import {
  completeOptions,
  contract,
  custom,
  required,
  text,
  whole,
  type OptionTable,
} from '../options.js';
import type { CallOptions } from '../contracts/source.js';
import type { KafkaAdmin, KafkaConsumer, KafkaDriver } from '../connectors/kafka/driver.js';
import { toKafkaError } from '../connectors/kafka/errors.js';
import { orAborted, sharedAbort } from '../runtime/abort.js';
import { backoffMs } from '../runtime/backoff.js';
import { systemClock, type Clock } from '../runtime/clock.js';
import { sleep, withDeadline } from '../runtime/deadline.js';
import { systemRandom, type Random } from '../runtime/random.js';
import type { Assigner, AssignmentListener, JoinedAssigner } from './assigner.js';

/** Options of `kafkaGroup`. */
export interface KafkaGroupOptions {
  /** `kafkaJs(new Kafka(…))`. */
  readonly kafka: KafkaDriver;
  /** Of this group alone. No offsets are committed in it: they are in the checkpoints. */
  readonly groupId: string;
  /** The input topics of every task, with the same number of partitions each. */
  readonly topics: readonly string[];
  /**
   * After this long without a heartbeat a process counts as dead, and its tasks go to others. Default
   * 10 000; the broker has bounds for it, 6 000 to 1 800 000 where nothing else was set.
   */
  readonly sessionTimeoutMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

const optionTable = {
  kafka: required(custom((kafka) => contractProblem(kafka, ['admin', 'consumer']))),
  groupId: required(text()),
  topics: required(custom(topicsProblem)),
  sessionTimeoutMs: whole({ min: 1, unit: 'milliseconds' }, 10_000),
  clock: contract<Clock>(['now', 'monotonicMs', 'setTimer'], systemClock),
  random: contract<Random>(['next', 'bytes'], systemRandom),
} satisfies OptionTable<KafkaGroupOptions>;

/**
 * Tasks over the partitions of topics, by a consumer group in which nothing is fetched: each task reads
 * its partition with a `kafkaSource` of its own (`partitions: [task.partition]`). The group is joined with
 * the first topic; the others follow its assignment, so that one process has a partition of all of them.
 *
 * A client hears of a move after it has been decided, so tasks that move are `lost`. A broker that is away
 * takes nothing: tasks go on, and the group is joined again.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`, with every problem.
 */
export function kafkaGroup(options: KafkaGroupOptions): Assigner {
  const checked = completeOptions('kafkaGroup', options, optionTable);
  return {
    join: async (listener, call) => {
      const membership = new Membership(checked, listener);
      await membership.join(call);
      return membership;
    },
  };
}

type Checked = Required<KafkaGroupOptions>;

/** For the end of a membership: a broker that is away finds it by the session timeout. */
const leaveMs = 2_000;
const lookEveryMs = 30_000;
const pauses = { firstMs: 200, maxMs: 5_000 };

class Membership implements JoinedAssigner {
  readonly #options: Checked;
  readonly #listener: AssignmentListener;
  readonly #leaving = sharedAbort();
  readonly #mine = new Set<number>();
  #count = 0;
  #hasJoined = false;
  #joined = (): void => undefined;
  #consumer: KafkaConsumer | undefined;
  #over: Promise<unknown> = Promise.resolve();

  constructor(options: Checked, listener: AssignmentListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Settles with the first assignment. What no wait would mend is thrown; a broker is waited for. */
  async join({ signal }: CallOptions): Promise<void> {
    await this.#again(signal, async () => {
      const counts = await this.#partitionCounts({ signal });
      [this.#count = 0] = counts.values();
      requireEqual(counts);
    });
    const first = new Promise<void>((resolve) => (this.#joined = resolve));
    const leaving = this.#leaving.signal;
    const following = this.#again(leaving, () => this.#follow());
    this.#over = Promise.allSettled([following, this.#watch(leaving)]);
    try {
      await orAborted(Promise.race([first, following]), signal);
    } catch (error) {
      await this.leave();
      throw error;
    }
  }

  async leave(): Promise<void> {
    this.#leaving.abort();
    const bound = { clock: this.#options.clock, timeoutMs: leaveMs };
    await withDeadline(bound, async () => {
      await this.#consumer?.close();
      await this.#over;
    });
  }

  /** One membership, from its first assignment to its end, which is always an error. */
  async #follow(): Promise<void> {
    const { kafka, groupId, topics, sessionTimeoutMs } = this.#options;
    const { signal } = this.#leaving;
    const [topic = ''] = topics;
    const group = { id: groupId, sessionTimeoutMs, isSticky: true, held: [...this.#mine] };
    const consumer = await kafka.consumer({ topic, from: new Map(), group }, { signal });
    this.#consumer = consumer;
    try {
      for await (const read of consumer.reads({ signal })) {
        if (read.kind === 'assigned') await this.#assigned(read.partitions);
      }
    } finally {
      await consumer.close();
    }
    if (signal.aborted) return;
    throw new TidegateError(
      'TIDEGATE_KAFKA_UNREACHABLE',
      `group ${groupId}: the client has left it`,
    );
  }

  async #assigned(partitions: readonly number[]): Promise<void> {
    const gone = [...this.#mine].filter((partition) => !partitions.includes(partition));
    for (const partition of gone) this.#mine.delete(partition);
    // First: they are given to others already.
    if (gone.length > 0) this.#listener.lost(gone);
    const { signal } = this.#leaving;
    await this.#look({ signal });
    if (signal.aborted) return;
    for (const partition of partitions) this.#mine.add(partition);
    this.#listener.assigned(partitions, this.#count);
    this.#hasJoined = true;
    this.#joined();
  }

  /** Topics that grow are noticed without a rebalance too. Never throws. */
  async #watch(signal: AbortSignal): Promise<void> {
    while (await sleep(this.#options.clock, lookEveryMs, signal)) {
      const before = this.#count;
      await this.#look({ signal }).catch(() => undefined);
      if (this.#count !== before) this.#listener.assigned([...this.#mine], this.#count);
    }
  }

  /** The number of partitions, or that of a topic that has another one by now. */
  async #look(call: CallOptions): Promise<void> {
    const counts = [...(await this.#partitionCounts(call)).values()];
    this.#count = counts.find((count) => count !== this.#count) ?? this.#count;
  }

  async #partitionCounts(call: CallOptions): Promise<ReadonlyMap<string, number>> {
    const { kafka, topics } = this.#options;
    const admin = await kafka.admin(call);
    try {
      const counts = new Map<string, number>();
      for (const topic of topics) counts.set(topic, await countOf(admin, topic, call));
      return counts;
    } finally {
      await admin.close();
    }
  }

  /** Tries until it succeeds or the signal ends it. */
  async #again(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const { clock, random, groupId } = this.#options;
    for (let tries = 0; !signal.aborted; tries += 1) {
      try {
        await work();
        return;
      } catch (error) {
        const known = toKafkaError(error, `group ${groupId}`);
        const passes = known instanceof TidegateError && known.kind === 'retryable';
        if (!passes && !this.#hasJoined) throw known;
        this.#listener.troubled(known);
        await sleep(clock, backoffMs(tries, random.next(), pauses), signal);
      }
    }
  }
}

/** @throws TidegateError `TIDEGATE_TASKS_PARTITIONS`. */
function requireEqual(counts: ReadonlyMap<string, number>): void {
  const [[first, count] = ['', 0]] = counts;
  for (const [topic, its] of counts) {
    if (its === count) continue;
    throw new TidegateError(
      'TIDEGATE_TASKS_PARTITIONS',
      `topic ${first} has ${count} partitions, and topic ${topic} has ${its}: a task reads the same ` +
        'partition of each of its topics',
      { details: Object.fromEntries(counts) },
    );
  }
}

async function countOf(admin: KafkaAdmin, topic: string, call: CallOptions): Promise<number> {
  const found = await admin.describeTopic(topic, call);
  if (found !== undefined) return found.partitions;
  throw new TidegateError('TIDEGATE_KAFKA_TOPIC', `topic ${topic} does not exist`, {
    details: { topic },
  });
}

function topicsProblem(topics: unknown): string | undefined {
  const areNames =
    Array.isArray(topics) &&
    topics.length > 0 &&
    topics.every((one) => typeof one === 'string' && one !== '');
  return areNames ? undefined : 'is not a list of topic names';
}
