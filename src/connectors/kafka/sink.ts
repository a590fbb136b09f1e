// The Kafka sink: an epoch in one transaction with its marker, at once or out of a staging directory.

import type { SinkInspector, SinkOwner, TwoPhaseSink } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { TidegateError } from '../../errors.js';
import type { CheckpointId } from '../../ids.js';
import { newUuid } from '../../runtime/uuid.js';
import { IdRanges } from '../memory/id-ranges.js';
import { writeAhead } from '../write-ahead/sink.js';
import type { KafkaAdmin, KafkaProducer } from './driver.js';
import {
  checkMarker,
  defaultMarkerTopic,
  ensureMarkerTopic,
  isMarked,
  markerRecord,
  readMarkers,
  type MarkersRead,
  type MarkerState,
} from './markers.js';
import { toSinkError, whenEnded, type SinkNames } from './sink-errors.js';
import { checkpointIdIn } from './sink-handle.js';
import { checkSinkOptions, type KafkaSinkOptions, type KafkaSinkSettings } from './sink-options.js';
import { KafkaSinkSession } from './sink-session.js';
import { OutputTopics, TopicNeeds } from './sink-topics.js';

/**
 * Writes records to Kafka, exactly once for readers with `isolation.level=read_committed`.
 *
 * With `staging` it is `durable`: records wait in a directory and are sent at the commit, in one short
 * transaction. Without it, it is `last-resource`: one transaction from the first record of an
 * epoch to its commit, which holds `read_committed` readers of the topic back for as long.
 *
 * Which epochs are committed stands in a topic of markers, in the same transactions as the data.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS` or `TIDEGATE_KAFKA_OPTIONS` with all problems; from `open`
 * `TIDEGATE_KAFKA_…` with the way out, `TIDEGATE_SINK_STORE` and `TIDEGATE_FENCED`.
 */
export function kafkaSink<Rec = unknown>(options: KafkaSinkOptions<Rec>): TwoPhaseSink<Rec> {
  const settings = checkSinkOptions(options);
  const sink = new KafkaSink(settings);
  const { staging, fileSystem, random, logger } = settings;
  if (staging === undefined) return sink;
  return writeAhead(sink, { directory: staging, fileSystem, random, logger });
}

class KafkaSink<Rec> implements TwoPhaseSink<Rec> {
  readonly durability = 'last-resource';
  readonly maxPrepared = 1;
  /** An epoch that is open for longer is aborted by the brokers. */
  readonly maxEpochMs: number;
  readonly caution =
    'its open transaction keeps read_committed readers of the topic waiting from the first record ' +
    'of an interval to its commit (not with staging)';
  readonly #settings: KafkaSinkSettings<Rec>;
  /** So that an opening that failed half-way may be done again under the same generation. */
  readonly #opening: string;

  constructor(settings: KafkaSinkSettings<Rec>) {
    this.#settings = settings;
    this.maxEpochMs = settings.transactionTimeoutMs;
    this.#opening = newUuid(settings.clock, settings.random);
  }

  async open(owner: SinkOwner, options: CallOptions): Promise<KafkaSinkSession<Rec>> {
    const names = this.#names(owner);
    const { transactionalId, markerTopic } = names;
    const { kafka, logger, transactionTimeoutMs } = this.#settings;
    return this.#asking(owner, options, async (admin) => {
      const topics = await this.#checkedTopics(options);
      await ensureMarkerTopic(admin, markerTopic, logger, options);
      // Looked at before anything is fenced: an owner that was overtaken must not fence the newer one.
      // What an open transaction hides is seen behind the fence.
      const before = await this.#peek(admin, markerTopic, options);
      checkMarker(before.newest, owner, this.#opening);
      const producer = await kafka.producer({ transactionalId, transactionTimeoutMs }, options);
      try {
        // An opening that was given up must not fence the one that follows it.
        options.signal.throwIfAborted();
        await whenEnded(names, options, () => producer.init(options));
        const { newest: found } = await readMarkers(kafka, admin, markerTopic, options);
        checkMarker(found, owner, this.#opening);
        const marker: MarkerState = {
          storeId: owner.storeId,
          generation: owner.generation,
          opening: this.#opening,
          committed: found?.committed ?? new IdRanges(),
          forgotten: found?.forgotten ?? 0,
        };
        await this.#claim(producer, names, marker, options);
        const look = (call: CallOptions): Promise<MarkerState | undefined> =>
          this.#asking(owner, call, async (asked) => {
            return (await this.#peek(asked, markerTopic, call)).newest;
          });
        const settings = this.#settings;
        return new KafkaSinkSession({ ...names, settings, owner, producer, marker, topics, look });
      } catch (error) {
        await producer.close();
        throw error;
      }
    });
  }

  async openReadOnly(
    identity: Omit<SinkOwner, 'generation'>,
    options: CallOptions,
  ): Promise<SinkInspector> {
    const { markerTopic } = this.#names(identity);
    const look = (call: CallOptions): Promise<MarkersRead> =>
      this.#asking(identity, call, async (admin) => {
        const isThere = (await admin.describeTopic(markerTopic, call)) !== undefined;
        if (!isThere) return { newest: undefined, isWhole: true };
        const read = await this.#peek(admin, markerTopic, call);
        checkMarker(read.newest, identity);
        return read;
      });
    await look(options);
    return {
      async inspect({ checkpointId, handle }, call) {
        const id = handle === undefined ? checkpointId : checkpointIdIn(identity, handle);
        const read = await look(call);
        if (isMarked(read.newest, id)) return 'committed';
        if (read.isWhole) return 'absent';
        throw new TidegateError(
          'TIDEGATE_KAFKA_UNREACHABLE',
          `sink ${identity.sink} is in the middle of a commit, or died in it: ask again, or start it`,
        );
      },
      lastCommitted: async (call) =>
        (await look(call)).newest?.committed.highest as CheckpointId | undefined,
      // What is prepared lives in the connection of its owner, and ends with it.
      listPrepared: () => Promise.resolve([]),
    };
  }

  #names({ pipeline, sink }: Pick<SinkOwner, 'pipeline' | 'sink'>): SinkNames {
    const { markerTopic = defaultMarkerTopic({ pipeline, sink }) } = this.#settings;
    const transactionalId = `tidegate/${pipeline}/${sink}`;
    return { transactionalId, markerTopic, settings: this.#settings };
  }

  async #checkedTopics(options: CallOptions): Promise<OutputTopics> {
    const { topic } = this.#settings;
    const topics = new OutputTopics(this.#settings);
    const needs = new TopicNeeds();
    if (typeof topic === 'string') needs.byTopic.set(topic, { partition: 0, bytes: 0, place: 0 });
    await topics.check(needs, options);
    return topics;
  }

  /** The markers, as far as they can be seen now: without a wait for a transaction that is open. */
  async #peek(admin: KafkaAdmin, topic: string, options: CallOptions): Promise<MarkersRead> {
    const { kafka, clock } = this.#settings;
    return readMarkers(kafka, admin, topic, options, { clock, quietMs: 1_000 });
  }

  /** Durable before the first record, so that the generation is remembered also without an epoch. */
  async #claim(
    producer: KafkaProducer,
    names: SinkNames,
    marker: MarkerState,
    options: CallOptions,
  ): Promise<void> {
    const transaction = await producer.begin();
    const message = markerRecord(names.markerTopic, marker);
    await whenEnded(names, options, () => transaction.send([message], options));
    await whenEnded(names, options, () => transaction.commit(options));
  }

  async #asking<Value>(
    identity: Pick<SinkOwner, 'pipeline' | 'sink'>,
    options: CallOptions,
    work: (admin: KafkaAdmin) => Promise<Value>,
  ): Promise<Value> {
    let admin: KafkaAdmin | undefined;
    try {
      admin = await this.#settings.kafka.admin(options);
      return await work(admin);
    } catch (error) {
      throw toSinkError(error, `opening sink ${identity.sink}`, this.#names(identity));
    } finally {
      await admin?.close();
    }
  }
}
