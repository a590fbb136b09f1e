// The Kafka sink: an epoch in one transaction with its marker, at once or out of a staging directory.

import type { SinkInspector, SinkOwner, TwoPhaseSink } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { TidegateError } from '../../errors.js';
import type { CheckpointId } from '../../ids.js';
import { sleep } from '../../runtime/deadline.js';
import { backoffMs } from '../../runtime/backoff.js';
import { newUuid } from '../../runtime/uuid.js';
import { IdRanges } from '../memory/id-ranges.js';
import { writeAhead } from '../write-ahead/write-ahead.js';
import { KafkaFailure, type KafkaAdmin, type KafkaProducer } from './driver.js';
import { toKafkaError } from './errors.js';
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
import { checkpointIdIn } from './sink-handle.js';
import { checkSinkOptions, type KafkaSinkOptions, type KafkaSinkSettings } from './sink-options.js';
import { outputForm } from './output-form.js';
import { KafkaSinkSession } from './sink-session.js';

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
  readonly #settings: KafkaSinkSettings<Rec>;
  /** So that an opening that failed half-way may be done again under the same generation. */
  readonly #opening: string;

  constructor(settings: KafkaSinkSettings<Rec>) {
    this.#settings = settings;
    this.maxEpochMs = settings.transactionTimeoutMs;
    this.#opening = newUuid(settings.clock, settings.random);
  }

  async open(owner: SinkOwner, options: CallOptions): Promise<KafkaSinkSession<Rec>> {
    const { kafka, transactionTimeoutMs } = this.#settings;
    const markerTopic = this.#markerTopic(owner);
    return this.#asking(owner, options, async (admin) => {
      await ensureMarkerTopic(admin, markerTopic, options);
      // Looked at before anything is fenced: an owner that was overtaken must not fence the newer one.
      // What an open transaction hides is seen behind the fence.
      const before = await this.#peek(admin, markerTopic, options);
      checkMarker(before.newest, owner, this.#opening);
      const transactionalId = `tidegate/${owner.pipeline}/${owner.sink}`;
      const producer = await kafka.producer({ transactionalId, transactionTimeoutMs }, options);
      try {
        await this.#again(options, () => producer.init(options));
        const { newest: found } = await readMarkers(kafka, admin, markerTopic, options);
        checkMarker(found, owner, this.#opening);
        const marker: MarkerState = {
          storeId: owner.storeId,
          generation: owner.generation,
          opening: this.#opening,
          committed: found?.committed ?? new IdRanges(),
          forgotten: found?.forgotten ?? 0,
        };
        await this.#claim(producer, markerTopic, marker, options);
        const settings = this.#settings;
        const recordForm = await outputForm(settings, kafka, options);
        return new KafkaSinkSession({ owner, settings, producer, markerTopic, marker, recordForm });
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
    const markerTopic = this.#markerTopic(identity);
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

  #markerTopic(identity: Pick<SinkOwner, 'pipeline' | 'sink'>): string {
    return this.#settings.markerTopic ?? defaultMarkerTopic(identity);
  }

  /** The markers, as far as they can be seen now: without a wait for a transaction that is open. */
  async #peek(admin: KafkaAdmin, topic: string, options: CallOptions): Promise<MarkersRead> {
    const { kafka, clock } = this.#settings;
    return readMarkers(kafka, admin, topic, options, { clock, quietMs: 1_000 });
  }

  /** Durable before the first record, so that the generation is remembered also without an epoch. */
  async #claim(
    producer: KafkaProducer,
    topic: string,
    marker: MarkerState,
    options: CallOptions,
  ): Promise<void> {
    await this.#again(options, async () => {
      const transaction = await producer.begin();
      try {
        await transaction.send([markerRecord(topic, marker)], options);
      } catch (error) {
        await transaction.abort(options).catch(() => undefined);
        throw error;
      }
      await transaction.commit(options);
    });
  }

  /** The brokers may still be ending the transaction of the owner before. */
  async #again(options: CallOptions, work: () => Promise<void>): Promise<void> {
    const { clock, random } = this.#settings;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await work();
        return;
      } catch (error) {
        const isEnding = error instanceof KafkaFailure && error.kind === 'concurrent-transactions';
        if (!isEnding) throw error;
        const slept = await sleep(clock, backoffMs(attempt, random.next()), options.signal);
        if (!slept) throw error;
      }
    }
  }

  async #asking<Value>(
    { sink }: { readonly sink: string },
    options: CallOptions,
    work: (admin: KafkaAdmin) => Promise<Value>,
  ): Promise<Value> {
    let admin: KafkaAdmin | undefined;
    try {
      admin = await this.#settings.kafka.admin(options);
      return await work(admin);
    } catch (error) {
      throw toKafkaError(error, `opening sink ${sink}`);
    } finally {
      await admin?.close();
    }
  }
}
