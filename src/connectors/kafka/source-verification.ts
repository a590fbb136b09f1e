// Whether the records before a position are those that were read: the topic may be another one of its name.

import type { CallOptions } from '../../contracts/source.js';
import type { Clock } from '../../runtime/clock.js';
import { withDeadline } from '../../runtime/deadline.js';
import type { KafkaDriver } from './driver.js';
import { madeAnew, type PositionProblem, type TopicNow } from './source-checks.js';
import type { LastRecord, TopicPosition } from './source-position.js';
import { otherRecord } from './source-reading.js';
import { digestOf } from './source-records.js';

export interface Verification {
  readonly kafka: KafkaDriver;
  readonly position: TopicPosition;
  readonly now: TopicNow;
  readonly clock: Clock;
}

/** A topic that was made anew is another one in all its partitions: a few tell. */
const partitionsCompared = 4;
const maxBytes = 65_536;
/** Reading itself compares, too, before it hands anything out. */
const timeoutMs = 5_000;

/** Undefined when all are the same, or when compaction has taken them. */
export async function differingRecord(
  { kafka, position, now, clock }: Verification,
  { signal }: CallOptions,
): Promise<PositionProblem | undefined> {
  const lasts = new Map<number, LastRecord>();
  for (const [partition, { last }] of position.partitions) {
    if (last === undefined || lasts.size >= partitionsCompared) continue;
    if (last.offset >= (now.ranges.get(partition)?.low ?? 0n)) lasts.set(partition, last);
  }
  if (lasts.size === 0) return undefined;
  const from = new Map([...lasts].map(([partition, { offset }]) => [partition, offset]));
  const consumer = await kafka.consumer({ topic: position.topic, from, maxBytes }, { signal });
  try {
    const outcome = await withDeadline({ clock, timeoutMs, signal }, async (bounded) => {
      for await (const read of consumer.reads({ signal: bounded })) {
        if (read.kind !== 'records') continue;
        const { partition, records } = read;
        consumer.pause([partition]);
        const last = lasts.get(partition);
        lasts.delete(partition);
        const again = records.find(({ offset }) => offset === last?.offset);
        if (again !== undefined && last !== undefined && digestOf(again) !== last.digest) {
          return madeAnew(otherRecord(partition, last.offset), position, now);
        }
        if (lasts.size === 0) break;
      }
      return undefined;
    });
    signal.throwIfAborted();
    if (outcome.kind === 'failed') throw outcome.error;
    return outcome.kind === 'answered' ? outcome.value : undefined;
  } finally {
    await consumer.close();
  }
}
