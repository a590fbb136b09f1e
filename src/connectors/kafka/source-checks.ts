// Whether a position can be read from: the same cluster and topic, and every record behind it still there.

import { TidegateError } from '../../errors.js';
import { lostInput } from '../../contracts/lost-input.js';
import type { CallOptions } from '../../contracts/source.js';
import type { KafkaAdmin, KafkaRange } from './driver.js';
import type { PartitionPlace, TopicPosition } from './source-position.js';

/** A topic as it is now. */
export interface TopicNow {
  readonly topic: string;
  readonly clusterId?: string | undefined;
  readonly topicId?: string | undefined;
  readonly ranges: ReadonlyMap<number, KafkaRange>;
}

/**
 * @param only Partitions that are looked at; all of them where it is left out.
 * @throws TidegateError `TIDEGATE_KAFKA_TOPIC` when there is none, or one of the partitions is not there.
 */
export async function lookAt(
  admin: KafkaAdmin,
  topic: string,
  options: CallOptions,
  only?: readonly number[],
): Promise<TopicNow> {
  const clusterId = await admin.clusterId(options);
  const found = await admin.describeTopic(topic, options);
  if (found === undefined) {
    throw new TidegateError('TIDEGATE_KAFKA_TOPIC', `topic ${topic} does not exist`, {
      details: { topic, clusterId },
    });
  }
  const all = await admin.ranges(topic, options);
  const ranges = new Map<number, KafkaRange>();
  for (const partition of only ?? all.keys()) {
    const range = all.get(partition);
    if (range === undefined) {
      const message = `topic ${topic} has ${all.size} partitions, and none of number ${partition}`;
      const details = { topic, partition, partitions: all.size };
      throw new TidegateError('TIDEGATE_KAFKA_TOPIC', message, { details });
    }
    ranges.set(partition, range);
  }
  return { topic, clusterId, topicId: found.id, ranges };
}

/** Why a position cannot be gone on from. */
export interface PositionProblem {
  /** What does not fit, and the two values. */
  readonly what: string;
  readonly wayOut: string;
  /** Where reading goes on when a person gives up what is lost, in words and as a position. */
  readonly goesOnAt: string;
  readonly accepted: TopicPosition;
}

/**
 * The first thing that does not fit; undefined when all does. `low` and `high` may have moved on since
 * the position was saved, but never past it.
 */
export function problemWith(position: TopicPosition, now: TopicNow): PositionProblem | undefined {
  const { clusterId, topicId, partitions } = position;
  // Another client than the one before may give one id and not the other: what is known is kept.
  const here = {
    topic: now.topic,
    clusterId: now.clusterId ?? clusterId,
    topicId: now.topicId ?? topicId,
  };
  const isKnown = clusterId !== undefined && now.clusterId !== undefined;
  if (isKnown && clusterId !== now.clusterId) {
    const mirrored = { ...here, topicId: now.topicId, partitions: withoutLast(partitions) };
    const unfit = problemWith(mirrored, now);
    return {
      what: `the position is of cluster ${clusterId}, and this is ${now.clusterId}`,
      wayOut: 'connect to the cluster that was read',
      goesOnAt: unfit?.goesOnAt ?? 'the same offsets of this cluster, as a mirror may have them',
      accepted: unfit?.accepted ?? mirrored,
    };
  }
  if (topicId !== undefined && now.topicId !== undefined && topicId !== now.topicId) {
    return madeAnew(`its id was ${topicId}, and is ${now.topicId}`, position, now);
  }
  const missing = [...partitions.keys()].find((partition) => !now.ranges.has(partition));
  if (missing !== undefined) {
    const count = now.ranges.size;
    return madeAnew(`partition ${missing} was read, and it has ${count} partitions`, position, now);
  }
  return outOfRange({ ...here, partitions }, now);
}

/** Another topic of this name: nothing of it has been read. */
export function madeAnew(
  what: string,
  { partitions }: TopicPosition,
  now: TopicNow,
): PositionProblem {
  const { topic, clusterId, topicId, ranges } = now;
  const isBounded = [...partitions.values()].some(({ end }) => end !== undefined);
  const starts = [...ranges].map(
    ([partition, { low, high }]) =>
      [partition, isBounded ? { next: low, end: high } : { next: low }] as const,
  );
  return {
    what: `the topic was deleted and made anew: ${what}`,
    wayOut: 'start over with a new store and sinks, or give up what was not read',
    goesOnAt: 'the start of the topic as it is now',
    accepted: { topic, clusterId, topicId, partitions: new Map(starts) },
  };
}

function outOfRange(position: TopicPosition, now: TopicNow): PositionProblem | undefined {
  for (const [partition, { next }] of position.partitions) {
    const { low, high } = now.ranges.get(partition) ?? { low: 0n, high: 0n };
    if (next > high) {
      const what = `the next offset of partition ${partition} is ${next}, above its end ${high}`;
      return madeAnew(`${what} (or records were lost in an unclean election)`, position, now);
    }
    if (next < low) {
      return {
        what: `the next offset of partition ${partition} is ${next}, below its start ${low}`,
        wayOut:
          'retention has deleted records that were not read: raise retention.ms for the next time',
        goesOnAt: `the start of what is left, offset ${low} of partition ${partition}`,
        accepted: { ...position, partitions: raisedTo(now, position.partitions) },
      };
    }
  }
  return undefined;
}

function withoutLast(
  partitions: ReadonlyMap<number, PartitionPlace>,
): ReadonlyMap<number, PartitionPlace> {
  return new Map([...partitions].map(([partition, { next, end }]) => [partition, { next, end }]));
}

function raisedTo(
  now: TopicNow,
  partitions: ReadonlyMap<number, PartitionPlace>,
): ReadonlyMap<number, PartitionPlace> {
  return new Map(
    [...partitions].map(([partition, place]) => {
      const low = now.ranges.get(partition)?.low ?? 0n;
      return [partition, place.next < low ? { next: low, end: place.end } : place];
    }),
  );
}

/** It says where reading could go on, so that a person can give up the rest. */
export function refusal({ what, wayOut, goesOnAt, accepted }: PositionProblem): TidegateError {
  const { topic } = accepted;
  return lostInput(`source of topic ${topic}: ${what}: ${wayOut}`, {
    goesOnAt,
    code: 'TIDEGATE_KAFKA_POSITION',
    details: { topic },
  });
}
