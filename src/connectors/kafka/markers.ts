// The markers of a Kafka sink: a compacted topic of one partition whose newest record says what is committed.
//
// The record goes into the transaction of the epoch's data: both are there, or neither. A group's
// offsets would do for the data, but the brokers forget them when no member has come for a week.

import { IdRanges } from '../memory/id-ranges.js';
import { TidegateError, toError } from '../../errors.js';
import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import { withDeadline } from '../../runtime/deadline.js';
import type { CheckpointId, Generation, StoreId } from '../../ids.js';
import type { CallOptions } from '../../contracts/source.js';
import type { SinkOwner } from '../../contracts/sink.js';
import { KafkaFailure } from './driver.js';
import type { KafkaAdmin, KafkaDriver, KafkaMessage, KafkaRange, KafkaRead } from './driver.js';
import { configOf } from './sink-topics.js';

/** What the newest marker record says. */
export interface MarkerState {
  readonly storeId: StoreId;
  readonly generation: number;
  /** Which opening claimed the generation: the same one may claim it again. */
  readonly opening: string;
  readonly committed: IdRanges;
  /** Of ids up to this one is not known whether they were committed: markers are kept for so long. */
  readonly forgotten: number;
}

/** As many generations, or more: a generation's ids follow one another. */
const maxRanges = 1_000;

const formatVersion = 1;

/** Topic names take few characters: others stand as `_` and their number, so that no two names meet. */
export function defaultMarkerTopic({
  pipeline,
  sink,
}: Pick<SinkOwner, 'pipeline' | 'sink'>): string {
  return `tidegate.${topicPart(pipeline)}.${topicPart(sink)}`;
}

function topicPart(name: string): string {
  return name.replaceAll(
    /[^a-zA-Z0-9-]/gu,
    (character) => `_${(character.codePointAt(0) ?? 0).toString(16)}_`,
  );
}

/** The record that claims a generation, or marks an epoch as committed. */
export function markerRecord(topic: string, state: MarkerState): KafkaMessage {
  const value = JSON.stringify({
    version: formatVersion,
    store: state.storeId,
    generation: state.generation,
    opening: state.opening,
    committed: state.committed.ranges,
    forgotten: state.forgotten,
  });
  return { topic, partition: 0, key: Buffer.from('marker'), value: Buffer.from(value) };
}

/**
 * @throws TidegateError `TIDEGATE_KAFKA_TOPIC` for a topic that would forget markers or mix them up.
 */
export async function ensureMarkerTopic(
  admin: KafkaAdmin,
  topic: string,
  logger: Logger,
  options: CallOptions,
): Promise<void> {
  const found = await admin.describeTopic(topic, options);
  if (found === undefined) {
    // The newest segment is never compacted: by default it grows to a gigabyte.
    const config = { 'cleanup.policy': 'compact', 'segment.bytes': '52428800' };
    await admin.createTopic({ topic, partitions: 1, config }, options).catch((error: unknown) => {
      if (!(error instanceof KafkaFailure) || error.kind !== 'authorization') throw error;
      throw new TidegateError(
        'TIDEGATE_KAFKA_RIGHTS',
        `the marker topic ${topic} is missing, and this user may not make it: ${commandFor(topic)}`,
        { cause: error, details: { topic } },
      );
    });
    return;
  }
  if (found.partitions !== 1) {
    throw unusable(topic, `has ${found.partitions} partitions, and markers need one`);
  }
  const policy = await configOf(admin, topic, 'cleanup.policy', logger, options);
  if (policy !== undefined && policy !== 'compact') {
    throw unusable(topic, `has cleanup.policy=${policy}, so that markers would be deleted`);
  }
}

function commandFor(topic: string): string {
  const made = `kafka-topics.sh --create --topic ${topic} --partitions 1`;
  return `${made} --config cleanup.policy=compact makes one`;
}

function unusable(topic: string, problem: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_KAFKA_TOPIC',
    `the marker topic ${topic} ${problem}: ${commandFor(topic)}`,
    { details: { topic } },
  );
}

/** Ends a reading that a transaction holds up: what is behind it is not known. */
export interface QuietEnd {
  readonly clock: Clock;
  /** Without a marker for so long, the newest so far is the answer. Milliseconds. */
  readonly quietMs: number;
}

/** What a reading has found. */
export interface MarkersRead {
  readonly newest: MarkerState | undefined;
  /** False when an open transaction hides what is behind it. */
  readonly isWhole: boolean;
}

/** How far from the end the newest marker is looked for, in offsets, before all are read. */
const tails = [100n, 10_000n];

/**
 * The newest marker up to the end of the topic as it is now: read_committed, so a transaction that is
 * open at the end is waited for until `signal`, or as long as `quiet` says. Each marker holds all
 * that is committed, so the tail is enough unless there is none in it.
 */
export async function readMarkers(
  driver: KafkaDriver,
  admin: KafkaAdmin,
  topic: string,
  options: CallOptions,
  quiet?: QuietEnd,
): Promise<MarkersRead> {
  const range = (await admin.ranges(topic, options)).get(0);
  if (range === undefined || range.high <= range.low) return { newest: undefined, isWhole: true };
  const { low, high } = range;
  for (const length of tails) {
    if (high - length <= low) break;
    const read = await readFrom(driver, topic, { low: high - length, high }, options, quiet);
    if (read.newest !== undefined) return read;
  }
  return readFrom(driver, topic, range, options, quiet);
}

async function readFrom(
  driver: KafkaDriver,
  topic: string,
  { low, high }: KafkaRange,
  options: CallOptions,
  quiet: QuietEnd | undefined,
): Promise<MarkersRead> {
  const consumer = await driver.consumer({ topic, from: new Map([[0, low]]) }, options);
  let newest: MarkerState | undefined;
  const reads = consumer.reads(options)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const read = await nextRead(reads, quiet);
      if (read === 'quiet') return { newest, isWhole: false };
      if (read === 'ended') break;
      if (read.kind !== 'records') continue;
      for (const { value, offset } of read.records) {
        if (value !== null) newest = parseMarker(topic, offset, value);
      }
      if (read.nextOffset >= high) return { newest, isWhole: true };
    }
  } finally {
    await consumer.close();
  }
  options.signal.throwIfAborted();
  throw new KafkaFailure('retriable', 'the reading of the markers ended before their end');
}

async function nextRead(
  reads: AsyncIterator<KafkaRead>,
  quiet: QuietEnd | undefined,
): Promise<KafkaRead | 'quiet' | 'ended'> {
  const next = reads.next().then(({ done, value }) => (done === true ? 'ended' : value));
  if (quiet === undefined) return next;
  const outcome = await withDeadline({ clock: quiet.clock, timeoutMs: quiet.quietMs }, () => next);
  if (outcome.kind === 'answered') return outcome.value;
  if (outcome.kind === 'failed') throw toError(outcome.error);
  return 'quiet';
}

function parseMarker(topic: string, offset: bigint, value: Buffer): MarkerState {
  const refuse = (what: string): TidegateError =>
    new TidegateError(
      'TIDEGATE_KAFKA_MARKER',
      `the marker at offset ${offset} of topic ${topic} ${what}`,
      { details: { topic } },
    );
  let parsed: unknown;
  try {
    parsed = JSON.parse(value.toString('utf8'));
  } catch {
    throw refuse('is not JSON: something else has written there');
  }
  if (typeof parsed !== 'object' || parsed === null) throw refuse('is no object');
  const { version, store, generation, opening, committed, forgotten } = parsed as Readonly<
    Record<string, unknown>
  >;
  if (typeof version === 'number' && version > formatVersion) {
    throw refuse('was written by a newer version of tidegate');
  }
  const ranges = rangesIn(committed);
  const isWhole =
    version === formatVersion &&
    typeof store === 'string' &&
    Number.isSafeInteger(generation) &&
    typeof opening === 'string' &&
    Number.isSafeInteger(forgotten) &&
    ranges !== undefined;
  if (!isWhole) throw refuse('is not one of tidegate');
  return {
    storeId: store as StoreId,
    generation: generation as number,
    opening,
    committed: IdRanges.of(ranges),
    forgotten: forgotten as number,
  };
}

function rangesIn(value: unknown): readonly (readonly [number, number])[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const isRange = (one: unknown): one is [number, number] =>
    Array.isArray(one) &&
    one.length === 2 &&
    one.every((id) => Number.isSafeInteger(id) && id > 0) &&
    one[0] <= one[1];
  return value.every(isRange) ? value : undefined;
}

/** An owner, or somebody who only looks. */
type MarkerReader = Omit<SinkOwner, 'generation'> & { readonly generation?: Generation };

/** @throws TidegateError for output of another store, and for a generation that was overtaken. */
export function checkMarker(
  state: MarkerState | undefined,
  { pipeline, sink, storeId, generation }: MarkerReader,
  opening?: string,
): void {
  if (state === undefined) return;
  if (state.storeId !== storeId) {
    throw new TidegateError(
      'TIDEGATE_SINK_STORE',
      `sink ${sink} holds output of pipeline ${pipeline} from store ${state.storeId}, and was opened ` +
        `for store ${storeId}`,
      { details: { sink, remembered: state.storeId, given: storeId } },
    );
  }
  if (generation === undefined || generation > state.generation) return;
  if (generation === state.generation && opening === state.opening) return;
  throw new TidegateError(
    'TIDEGATE_FENCED',
    `sink ${sink} was opened by generation ${state.generation}; generation ${generation} is fenced`,
    { details: { sink, generation, newest: state.generation } },
  );
}

/** The state with one more epoch. */
export function withCommitted(state: MarkerState, id: CheckpointId): MarkerState {
  const committed = IdRanges.of(state.committed.ranges);
  committed.add(id);
  const forgotten = Math.max(state.forgotten, committed.keepNewest(maxRanges) ?? 0);
  return { ...state, committed, forgotten };
}

/** @throws TidegateError `TIDEGATE_KAFKA_MARKER_PRUNED` for an epoch of too long ago. */
export function isMarked(state: MarkerState | undefined, id: CheckpointId): boolean {
  if (state === undefined) return false;
  if (state.committed.has(id)) return true;
  if (id > state.forgotten) return false;
  throw new TidegateError(
    'TIDEGATE_KAFKA_MARKER_PRUNED',
    `checkpoint ${id} is so old that its marker was dropped (up to ${state.forgotten})`,
    { details: { checkpointId: id } },
  );
}
