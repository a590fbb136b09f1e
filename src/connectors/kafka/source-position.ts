// A place in a topic as the offsets of a checkpoint have it.

import { TidegateError } from '../../errors.js';
import type { Offsets } from '../../contracts/source.js';

/** What is known of one partition. */
export interface PartitionPlace {
  /** The next offset to read. */
  readonly next: bigint;
  /** The last record that was handed out, by which a topic made anew is known. */
  readonly last?: LastRecord | undefined;
  /** Where bounded input ends. */
  readonly end?: bigint | undefined;
}

export interface LastRecord {
  readonly offset: bigint;
  /** Of its time, key and value. */
  readonly digest: string;
}

export interface TopicPosition {
  readonly topic: string;
  readonly clusterId?: string | undefined;
  readonly topicId?: string | undefined;
  readonly partitions: ReadonlyMap<number, PartitionPlace>;
}

const wholeNumber = /^(0|[1-9]\d{0,18})$/;
const lastRecord = /^(0|[1-9]\d{0,18}) (-?\d+-[0-9a-f]{8})$/;
const partitionName = /^(partition|last|end)-(0|[1-9]\d{0,9})$/;

/** `partition-N` is the next offset, as LaminarDB writes it too. */
export function toOffsets({ topic, clusterId, topicId, partitions }: TopicPosition): Offsets {
  const offsets: Record<string, string> = { topic };
  if (clusterId !== undefined) offsets.cluster = clusterId;
  if (topicId !== undefined) offsets['topic-id'] = topicId;
  for (const [partition, { next, last, end }] of partitions) {
    offsets[`partition-${partition}`] = String(next);
    if (last !== undefined) offsets[`last-${partition}`] = `${last.offset} ${last.digest}`;
    if (end !== undefined) offsets[`end-${partition}`] = String(end);
  }
  return offsets;
}

/**
 * @throws TidegateError `TIDEGATE_SOURCE_OFFSETS` for what no Kafka source has written,
 * `TIDEGATE_KAFKA_POSITION` for the position of another topic, or of partitions beside the `only` ones.
 */
export function toPosition(
  topic: string,
  offsets: Offsets,
  only?: readonly number[],
): TopicPosition {
  const places = new Map<number, { next?: bigint; last?: LastRecord; end?: bigint }>();
  const texts = new Map<string, string>();
  for (const [name, value] of Object.entries(offsets)) {
    if (name === 'cluster' || name === 'topic' || name === 'topic-id') {
      texts.set(name, value);
      continue;
    }
    const [, kind, number] = partitionName.exec(name) ?? [];
    if (kind === undefined) throw notOurs(topic, name, value);
    const partition = Number(number);
    const place = places.get(partition) ?? {};
    places.set(partition, place);
    const [, offset = '', digest = ''] = lastRecord.exec(value) ?? [];
    if (kind === 'last' && digest !== '') place.last = { offset: BigInt(offset), digest };
    else if (kind === 'last' || !wholeNumber.test(value)) throw notOurs(topic, name, value);
    else place[kind === 'partition' ? 'next' : 'end'] = BigInt(value);
  }
  const partitions = new Map<number, PartitionPlace>();
  for (const [partition, { next, last, end }] of places) {
    if (next === undefined) throw notOurs(topic, `partition-${partition}`, 'missing');
    partitions.set(partition, { next, last, end });
  }
  if (partitions.size === 0) throw notOurs(topic, 'partition-0', 'missing');
  const { topic: saved = topic } = Object.fromEntries(texts);
  if (saved !== topic) throw otherTopic(topic, saved);
  const others = [...partitions.keys()].filter((partition) => only?.includes(partition) === false);
  if (others.length > 0) throw otherPartitions(topic, others);
  return { topic, clusterId: texts.get('cluster'), topicId: texts.get('topic-id'), partitions };
}

function otherTopic(topic: string, saved: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_KAFKA_POSITION',
    `source of topic ${topic}: the position is of topic ${saved}. Register the source of another ` +
      'topic under another name, and keep this one until its input has been processed',
    { details: { topic, saved } },
  );
}

function otherPartitions(topic: string, others: readonly number[]): TidegateError {
  const named = others.join(', ');
  return new TidegateError(
    'TIDEGATE_KAFKA_POSITION',
    `source of topic ${topic}: the position is of partition ${named} too, which it no longer reads. ` +
      'Add it to its partitions, or start over with a new store and sinks',
    { details: { topic, partitions: others } },
  );
}

function notOurs(topic: string, name: string, value: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_SOURCE_OFFSETS',
    `source of topic ${topic}: ${name} is ${JSON.stringify(value)}, which a Kafka source does not write`,
    { details: { topic, name } },
  );
}
