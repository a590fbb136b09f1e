// Where reading begins: at a first start, behind a checkpoint, in partitions that were added.

import { TidegateError } from '../../errors.js';
import type { KafkaRange } from './driver.js';
import type { TopicNow } from './source-checks.js';
import type { KafkaSourceOptions } from './source-options.js';
import { firstOffset } from './source-reading.js';
import type { PartitionPlace, TopicPosition } from './source-position.js';

type From = KafkaSourceOptions<unknown>['from'];

/** @throws TidegateError `TIDEGATE_KAFKA_OPTIONS` for offsets that the topic does not hold. */
export function firstPosition(
  { from, until }: { readonly from: From; readonly until?: 'end' },
  { topic, clusterId, topicId, ranges }: TopicNow,
): TopicPosition {
  const partitions = new Map<number, PartitionPlace>();
  for (const [partition, range] of ranges) {
    const { low, high } = range;
    const next = firstOffsetOf(from, partition, range);
    if (next < low || next > high) {
      throw new TidegateError(
        'TIDEGATE_KAFKA_OPTIONS',
        `source of topic ${topic}: from has ${next} for partition ${partition}, which holds ` +
          `${low} to ${high}`,
        { details: { topic, partition } },
      );
    }
    partitions.set(partition, until === undefined ? { next } : { next, end: high });
  }
  return { topic, clusterId, topicId, partitions };
}

function firstOffsetOf(from: From, partition: number, { low, high }: KafkaRange): bigint {
  if (from === 'start') return low;
  return from === 'end' ? high : BigInt(from[partition] ?? low);
}

/** Ends are those of the first start that had them; a source that is bounded no longer drops them. */
export function withEnds(
  saved: TopicPosition,
  { ranges }: TopicNow,
  isBounded: boolean,
): TopicPosition {
  const hasEnds = [...saved.partitions.values()].some(({ end }) => end !== undefined);
  if (hasEnds === isBounded) return saved;
  const partitions = [...saved.partitions].map(([partition, { next, last }]) => {
    const end = isBounded ? ranges.get(partition)?.high : undefined;
    return [partition, { next, last, end }] as const;
  });
  return { ...saved, partitions: new Map(partitions) };
}

/** The record before a place can be compared only while it is there. */
export function verifiable(
  position: TopicPosition,
  ranges: ReadonlyMap<number, KafkaRange>,
): TopicPosition {
  const partitions = [...position.partitions].map(([partition, place]) => {
    const low = ranges.get(partition)?.low ?? 0n;
    const { last } = place;
    return [
      partition,
      last === undefined || last.offset >= low ? place : withoutLast(place),
    ] as const;
  });
  return { ...position, partitions: new Map(partitions) };
}

function withoutLast({ next, end }: PartitionPlace): PartitionPlace {
  return { next, end };
}

/** Bounded input has no partition that was added later. */
export function startsOf(
  { partitions }: TopicPosition,
  ranges: ReadonlyMap<number, KafkaRange>,
): ReadonlyMap<number, bigint> {
  const isBounded = [...partitions.values()].some(({ end }) => end !== undefined);
  const starts = new Map<number, bigint>();
  for (const [partition, { low }] of ranges) {
    const place = partitions.get(partition);
    if (place === undefined && isBounded) continue;
    if (place?.end !== undefined && place.next >= place.end) continue;
    starts.set(partition, place === undefined ? low : firstOffset(place));
  }
  return starts;
}
