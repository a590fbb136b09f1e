// The Kafka source: one topic, whose offsets are in the manifest and nowhere else.

import { assert } from '../../assert.js';
import { TidegateError } from '../../errors.js';
import type {
  CallOptions,
  Offsets,
  ReadableSource,
  RestoreOptions,
  SourceBatch,
  SourcePosition,
} from '../../contracts/source.js';
import { systemClock } from '../../runtime/clock.js';
import type { KafkaAdmin, KafkaConsumer } from './driver.js';
import { isKafkaFailure, toKafkaError } from './errors.js';
import { bytes, type KafkaFormat } from './formats.js';
import {
  lookAt,
  problemWith,
  refusal,
  type PositionProblem,
  type TopicNow,
} from './source-checks.js';
import { differingRecord } from './source-verification.js';
import type { KafkaSourceOptions } from './source-options.js';
import { requireSourceOptions } from './source-options.js';
import { toOffsets, toPosition, type TopicPosition } from './source-position.js';
import { Reading } from './source-reading.js';
import { RecordDecoder, type KafkaRecord } from './source-records.js';
import { firstPosition, startsOf, verifiable, withEnds } from './source-starts.js';

/**
 * Reads one topic, committed records only, from the offsets of the checkpoint. A position of another
 * cluster, of a topic that was made anew, or whose records are gone is refused by name: nothing is ever
 * reset. Partitions that are added are read from their start, within a minute.
 *
 * Records of one partition come in their order, those of several in the order in which they arrive.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`.
 */
export function kafkaSource<Value, Key = Buffer>(
  options: KafkaSourceOptions<Value, Key>,
): ReadableSource<KafkaRecord<Value, Key>> {
  requireSourceOptions(options);
  return new KafkaSource(options);
}

class KafkaSource<Value, Key> implements ReadableSource<KafkaRecord<Value, Key>> {
  readonly repeatsOrder = false;
  readonly #options: KafkaSourceOptions<Value, Key>;
  readonly #decoder: RecordDecoder<Value, Key>;
  readonly #who: string;
  #position: TopicPosition | undefined;
  #reading: { readonly admin: KafkaAdmin; readonly consumer: KafkaConsumer } | undefined;

  constructor(options: KafkaSourceOptions<Value, Key>) {
    const { topic, value, onBadRecord = 'fail' } = options;
    const key = options.key ?? (bytes() as unknown as KafkaFormat<Key>);
    this.#options = options;
    this.#who = `source of topic ${topic}`;
    this.#decoder = new RecordDecoder({ topic, value, key, onBadRecord });
  }

  async position(): Promise<SourcePosition> {
    const { signal } = new AbortController();
    this.#position ??= await this.#withAdmin({ signal }, async (admin) =>
      firstPosition(this.#options, await this.#lookAt(admin, { signal })),
    );
    const { topic, clusterId = 'unknown', topicId, partitions } = this.#position;
    return {
      offsets: toOffsets(this.#position),
      metadata: {
        connector: 'kafka',
        client: this.#options.kafka.client,
        topic,
        cluster: clusterId,
        ...(topicId === undefined ? {} : { topicId }),
        partitions: String(partitions.size),
      },
    };
  }

  async restore(offsets: Offsets, call: RestoreOptions): Promise<void> {
    const { topic, until, partitions } = this.#options;
    const saved = toPosition(topic, offsets, partitions);
    this.#position = await this.#withAdmin(call, async (admin) => {
      const now = await this.#lookAt(admin, call);
      const position = withEnds(saved, now, until !== undefined);
      const problem = problemWith(position, now) ?? (await this.#otherRecord(position, now, call));
      if (problem === undefined) {
        const { clusterId = position.clusterId, topicId = position.topicId } = now;
        return { ...position, clusterId, topicId };
      }
      if (call.acceptLoss !== true) throw refusal(problem);
      return problem.accepted;
    });
  }

  async *read(call: CallOptions): AsyncGenerator<SourceBatch<KafkaRecord<Value, Key>>> {
    await this.position();
    const { kafka } = this.#options;
    const admin = await this.#named(() => kafka.admin(call));
    try {
      yield* this.#batches(admin, call);
    } catch (error) {
      if (call.signal.aborted) return;
      throw await this.#explained(error, admin, call);
    } finally {
      this.#reading = undefined;
      await admin.close();
    }
  }

  async acknowledge(offsets: Offsets, call: CallOptions): Promise<void> {
    const { groupId, joinGroup = false, topic } = this.#options;
    if (groupId === undefined) return;
    const { partitions } = toPosition(topic, offsets);
    const next = new Map([...partitions].map(([partition, place]) => [partition, place.next]));
    const reading = this.#reading;
    const committed = { groupId, topic, offsets: next };
    await this.#named(async () => {
      if (joinGroup) await reading?.consumer.commitOffsets(next, call);
      else if (reading !== undefined) await reading.admin.commitOffsets(committed, call);
      else await this.#withAdmin(call, (admin) => admin.commitOffsets(committed, call));
    });
  }

  async *#batches(
    admin: KafkaAdmin,
    call: CallOptions,
  ): AsyncGenerator<SourceBatch<KafkaRecord<Value, Key>>> {
    const { kafka, topic, maxFetchBytes, batchRecords = 500, clock = systemClock } = this.#options;
    const now = await this.#lookAt(admin, call);
    const { ranges } = now;
    const position = verifiable(this.#known(), ranges);
    const memberOf = this.#membership();
    const from = startsOf(position, ranges);
    const consumer = await kafka.consumer(
      {
        topic,
        from: memberOf === undefined ? from : new Map(),
        group: memberOf,
        maxBytes: maxFetchBytes,
      },
      call,
    );
    this.#reading = { admin, consumer };
    try {
      const reading = new Reading<KafkaRecord<Value, Key>>({
        topic,
        admin,
        consumer,
        position,
        now,
        memberOf,
        batchRecords,
        clock,
        lookAgain: (again) => this.#lookAt(admin, again),
        decode: (raw) => this.#decoder.decode(raw),
        moved: (moved) => {
          this.#position = moved;
        },
      });
      yield* reading.batches(call);
    } finally {
      await consumer.close();
    }
  }

  #lookAt(admin: KafkaAdmin, call: CallOptions): Promise<TopicNow> {
    const { topic, partitions } = this.#options;
    return lookAt(admin, topic, call, partitions);
  }

  #membership(): { readonly id: string; readonly sessionTimeoutMs: number } | undefined {
    const { groupId, joinGroup = false, sessionTimeoutMs = 30_000 } = this.#options;
    return joinGroup && groupId !== undefined ? { id: groupId, sessionTimeoutMs } : undefined;
  }

  /** By the records before it: a topic that was made anew has others there. */
  #otherRecord(
    position: TopicPosition,
    now: TopicNow,
    call: CallOptions,
  ): Promise<PositionProblem | undefined> {
    const { kafka, clock = systemClock } = this.#options;
    return differingRecord({ kafka, position, now, clock }, call);
  }

  /** Retention that passed the position while it was read: with the places and the way out. */
  async #explained(error: unknown, admin: KafkaAdmin, call: CallOptions): Promise<Error> {
    if (!isKafkaFailure(error) || error.kind !== 'offset-out-of-range') {
      return toKafkaError(error, this.#who);
    }
    try {
      const now = await this.#lookAt(admin, call);
      const problem = problemWith(this.#known(), now);
      if (problem !== undefined) return refusal(problem);
    } catch (again) {
      return toKafkaError(again, this.#who);
    }
    // The record before it, which is looked at for comparison only, was deleted meanwhile.
    return new TidegateError('TIDEGATE_KAFKA_UNREACHABLE', `${this.#who}: ${error.message}`, {
      cause: error,
    });
  }

  async #withAdmin<Value>(
    call: CallOptions,
    use: (admin: KafkaAdmin) => Promise<Value>,
  ): Promise<Value> {
    return this.#named(async () => {
      const admin = await this.#options.kafka.admin(call);
      try {
        return await use(admin);
      } finally {
        await admin.close();
      }
    });
  }

  #known(): TopicPosition {
    assert(this.#position !== undefined, `${this.#who} is read before it has a position`);
    return this.#position;
  }

  async #named<Value>(run: () => Promise<Value>): Promise<Value> {
    try {
      return await run();
    } catch (error) {
      throw toKafkaError(error, this.#who);
    }
  }
}
