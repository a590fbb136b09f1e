// Whether a position can be read from: the same cluster and topic, and every record behind it still there.

import { TidegateError } from '../../errors.js';
import type { CallOptions } from '../../contracts/source.js';
import type { KafkaAdmin, KafkaRange } from './driver.js';
import type { PartitionPlace, TopicPosition } from './source-position.js';

/** A topic as it is now. */
export interface TopicNow {
  readonly topic: string;
  readonly clusterId: string;
  readonly topicId?: string | undefined;
  readonly ranges: ReadonlyMap<number, KafkaRange>;
}

/** @throws TidegateError `TIDEGATE_KAFKA_TOPIC` when there is none. */
export async function lookAt(
  admin: KafkaAdmin,
  topic: string,
  options: CallOptions,
): Promise<TopicNow> {
  const clusterId = await admin.clusterId(options);
  const found = await admin.describeTopic(topic, options);
  if (found === undefined) {
    throw new TidegateError('TIDEGATE_KAFKA_TOPIC', `topic ${topic} does not exist`, {
      details: { topic, clusterId },
    });
  }
  const ranges = await admin.ranges(topic, options);
  return { topic, clusterId, topicId: found.id, ranges };
}

/** Why a position cannot be gone on from. */
export interface PositionProblem {
  /** What does not fit, and the two values: also the text by which it is accepted. */
  readonly what: string;
  readonly wayOut: string;
  /** Where reading goes on when it is accepted; undefined where it cannot be. */
  readonly accepted?: TopicPosition;
}

/**
 * The first thing that does not fit; undefined when all does. `low` and `high` may have moved on since
 * the position was saved, but never past it.
 */
export function problemWith(position: TopicPosition, now: TopicNow): PositionProblem | undefined {
  const { clusterId, topicId, partitions } = position;
  const { topic } = now;
  const here = { topic, clusterId: now.clusterId, topicId: now.topicId };
  if (clusterId !== undefined && clusterId !== now.clusterId) {
    return {
      what: `the position is of cluster ${clusterId}, and this is ${now.clusterId}`,
      wayOut: 'connect to the cluster that was read',
      accepted: { ...here, partitions: withoutLast(partitions) },
    };
  }
  const fromStart = { ...here, partitions: startOf(now, partitions) };
  if (topicId !== undefined && now.topicId !== undefined && topicId !== now.topicId) {
    return {
      what: `the position is of topic id ${topicId}, and the topic has id ${now.topicId}`,
      wayOut: `it was deleted and made anew: start over with a new store, or ${fromItsStart}`,
      accepted: fromStart,
    };
  }
  const missing = [...partitions.keys()].find((partition) => !now.ranges.has(partition));
  if (missing !== undefined) {
    return {
      what: `partition ${missing} was read, and the topic has ${now.ranges.size} partitions`,
      wayOut: `it was deleted and made anew: start over with a new store, or ${fromItsStart}`,
      accepted: fromStart,
    };
  }
  return outOfRange({ ...here, partitions }, now, fromStart);
}

const fromItsStart = 'accept it, to read the topic from its start';

function outOfRange(
  position: TopicPosition,
  now: TopicNow,
  fromStart: TopicPosition,
): PositionProblem | undefined {
  for (const [partition, { next }] of position.partitions) {
    const { low, high } = now.ranges.get(partition) ?? { low: 0n, high: 0n };
    if (next > high) {
      return {
        what: `the next offset of partition ${partition} is ${next}, above its end ${high}`,
        wayOut:
          'the topic was made anew, or lost records (an unclean election): compare both, then start ' +
          `over with a new store, or ${fromItsStart}`,
        accepted: fromStart,
      };
    }
    if (next < low) {
      return {
        what: `the next offset of partition ${partition} is ${next}, below its start ${low}`,
        wayOut:
          'retention has deleted records that were not read: raise retention.ms for the next time, ' +
          'and accept the loss to go on at the start',
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

function startOf(
  now: TopicNow,
  before: ReadonlyMap<number, PartitionPlace>,
): ReadonlyMap<number, PartitionPlace> {
  const isBounded = [...before.values()].some(({ end }) => end !== undefined);
  return new Map(
    [...now.ranges].map(([partition, { low, high }]) => [
      partition,
      isBounded ? { next: low, end: high } : { next: low },
    ]),
  );
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

/** The refusal, with the text by which the program can accept it. */
export function refusal(topic: string, { what, wayOut, accepted }: PositionProblem): TidegateError {
  const isAcceptable = accepted !== undefined;
  const acceptance = `. To accept this position: acceptPosition: ${JSON.stringify(what)}`;
  return new TidegateError(
    'TIDEGATE_KAFKA_POSITION',
    `source of topic ${topic}: ${what}. ${capitalised(wayOut)}${isAcceptable ? acceptance : ''}`,
    { details: isAcceptable ? { topic, acceptPosition: what } : { topic } },
  );
}

function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
