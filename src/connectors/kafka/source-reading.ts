// One reading of a topic: from places in its partitions to batches with the places behind them.

import { TidegateError } from '../../errors.js';
import type { CallOptions, SourceBatch } from '../../contracts/source.js';
import type { Clock, Timer } from '../../runtime/clock.js';
import { sleep } from '../../runtime/deadline.js';
import type { KafkaAdmin, KafkaConsumer, KafkaRange, KafkaRead, RawKafkaRecord } from './driver.js';
import { toKafkaError } from './errors.js';
import { madeAnew, problemWith, refusal, type TopicNow } from './source-checks.js';
import { toOffsets, type PartitionPlace, type TopicPosition } from './source-position.js';
import { digestOf, type DecodedRecords } from './source-records.js';

export interface ReadingOptions<Rec> {
  readonly topic: string;
  readonly admin: KafkaAdmin;
  readonly consumer: KafkaConsumer;
  readonly position: TopicPosition;
  /** The topic as it is where the reading begins. */
  readonly now: TopicNow;
  readonly lookAgain: (call: CallOptions) => Promise<TopicNow>;
  /** The group whose member the consumer is. */
  readonly memberOf?: { readonly id: string; readonly sessionTimeoutMs: number } | undefined;
  readonly decode: (raw: readonly RawKafkaRecord[]) => Promise<DecodedRecords<Rec>>;
  readonly batchRecords: number;
  readonly clock: Clock;
  /** Called with the position behind what was handed out. */
  readonly moved: (position: TopicPosition) => void;
}

type RecordsRead = Extract<KafkaRead, { kind: 'records' }>;

/** Often enough that a new partition is read within a minute. */
const lookEveryMs = 20_000;
/** A dead member's partitions come after one. */
const sessionsWaitedFor = 2;

export class Reading<Rec> {
  readonly #options: ReadingOptions<Rec>;
  readonly #places: Map<number, PartitionPlace>;
  /** Partitions whose last record has not been seen again yet. */
  readonly #unverified = new Set<number>();
  #problem: Error | undefined;
  /** Runs while a member has some of the partitions only. */
  #grace: Timer | undefined;

  constructor(options: ReadingOptions<Rec>) {
    this.#options = options;
    this.#places = new Map(options.position.partitions);
    for (const [partition, { last }] of this.#places) {
      if (last !== undefined) this.#unverified.add(partition);
    }
    this.#takeUp(options.now.ranges);
  }

  async *batches({ signal }: CallOptions): AsyncGenerator<SourceBatch<Rec>> {
    const { consumer, memberOf } = this.#options;
    if (this.#hasEnded()) return;
    const watching = new AbortController();
    const watched = this.#watch(watching.signal);
    const stopWatching = (): void => watching.abort();
    signal.addEventListener('abort', stopWatching, { once: true });
    try {
      let isAssigned = memberOf === undefined;
      for await (const read of consumer.reads({ signal })) {
        if (read.kind === 'assigned')
          isAssigned = await this.#assigned(read.partitions, isAssigned);
        else if (isAssigned) yield* this.#batchesOf(read);
        if (this.#hasEnded()) return;
      }
      if (this.#problem !== undefined) throw this.#problem;
    } finally {
      this.#grace?.cancel();
      signal.removeEventListener('abort', stopWatching);
      stopWatching();
      await watched;
    }
  }

  async *#batchesOf(read: RecordsRead): AsyncGenerator<SourceBatch<Rec>> {
    const { batchRecords, moved, consumer } = this.#options;
    const { partition } = read;
    const place = this.#places.get(partition);
    // What was fetched for another place, such as before a partition was given back.
    if (place === undefined || read.offset > place.next) {
      if (place !== undefined) consumer.seek(partition, place.next);
      return;
    }
    this.#verify(read, place);
    const { next, end, last } = place;
    const isPast = end !== undefined && read.nextOffset >= end;
    const behind = isPast ? end : read.nextOffset;
    if (isPast) consumer.pause([partition]);
    if (behind <= next) return;
    const fresh = read.records.filter(({ offset }) => offset >= next && offset < behind);
    for (let first = 0; first < fresh.length || first === 0; first += batchRecords) {
      const raw = fresh.slice(first, first + batchRecords);
      const isLast = first + batchRecords >= fresh.length;
      const { records, skipped } = await this.#options.decode(raw);
      const newest = raw.at(-1);
      const reached = newest === undefined ? next : newest.offset + 1n;
      this.#places.set(partition, {
        next: isLast && behind > reached ? behind : reached,
        last: newest === undefined ? last : { offset: newest.offset, digest: digestOf(newest) },
        end,
      });
      if (this.#problem !== undefined) throw this.#problem;
      const position = { ...this.#options.position, partitions: this.#places };
      const offsets = toOffsets(position);
      moved({ ...position, partitions: new Map(this.#places) });
      const lines = raw.length;
      const part = { name: String(partition), open: this.#open() };
      yield Object.keys(skipped).length === 0
        ? { records, offsets, partition: part }
        : { records, offsets, partition: part, input: { lines, skipped } };
    }
  }

  /** Before the first record of a partition is handed out: the record before it is still the same. */
  #verify({ partition, records }: RecordsRead, { last }: PartitionPlace): void {
    if (last === undefined || !this.#unverified.delete(partition)) return;
    const again = records.find(({ offset }) => offset === last.offset);
    // Compaction may have taken it: nothing else is known of what was there.
    if (again === undefined || digestOf(again) === last.digest) return;
    const { position, now } = this.#options;
    throw refusal(madeAnew(otherRecord(partition, last.offset), position, now));
  }

  /** Partitions that records may still come of. */
  #open(): readonly string[] {
    return [...this.#places]
      .filter(([, { next, end }]) => end === undefined || next < end)
      .map(([partition]) => String(partition));
  }

  #hasEnded(): boolean {
    for (const { next, end } of this.#places.values()) {
      if (end === undefined || next < end) return false;
    }
    return this.#places.size > 0;
  }

  /** Looks for partitions that were added and for a topic that is another one. Never throws. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { topic, clock, position, lookAgain } = this.#options;
    const who = `source of topic ${topic}`;
    while (await sleep(clock, lookEveryMs, signal)) {
      try {
        const partitions = new Map(this.#places);
        const now = await lookAgain({ signal });
        const problem = problemWith({ ...position, partitions }, now);
        if (problem !== undefined) throw refusal(problem);
        this.#takeUp(now.ranges);
      } catch (error) {
        const known = toKafkaError(error, who);
        const isPassing = known instanceof TidegateError && known.kind === 'retryable';
        if (signal.aborted || isPassing) continue;
        this.#end(known);
        return;
      }
    }
  }

  /** A new partition is read from its start. Bounded input has none. */
  #takeUp(found: ReadonlyMap<number, KafkaRange>): void {
    const { consumer, memberOf } = this.#options;
    const isBounded = [...this.#places.values()].some(({ end }) => end !== undefined);
    for (const [partition, { low }] of found) {
      if (isBounded || this.#places.has(partition)) continue;
      this.#places.set(partition, { next: low });
      // A member is given it with the next assignment.
      if (memberOf === undefined) consumer.seek(partition, low);
    }
  }

  /**
   * Whether all partitions are ours. A dead member holds some until its session times out; a living
   * one, which took some of ours, ends the reading.
   */
  async #assigned(partitions: readonly number[], wasAssigned: boolean): Promise<boolean> {
    const { consumer, clock, memberOf } = this.#options;
    const missing = [...this.#places.keys()].filter((one) => !partitions.includes(one));
    if (missing.length === 0) {
      this.#grace?.cancel();
      this.#grace = undefined;
      for (const partition of partitions) {
        const place = this.#places.get(partition) ?? { next: 0n };
        this.#places.set(partition, place);
        const isVerified = !this.#unverified.has(partition);
        consumer.seek(partition, isVerified ? place.next : firstOffset(place));
      }
      return true;
    }
    if (wasAssigned) throw await this.#taken(missing);
    const giveUp = (): void => void this.#taken(missing).then((error) => this.#end(error));
    this.#grace ??= clock.setTimer(giveUp, (memberOf?.sessionTimeoutMs ?? 0) * sessionsWaitedFor);
    return false;
  }

  async #taken(missing: readonly number[]): Promise<TidegateError> {
    const { topic, admin, memberOf } = this.#options;
    const { signal } = new AbortController();
    const groupId = memberOf?.id ?? '';
    const members = await admin.groupMembers(groupId, { signal }).catch(() => []);
    const named = members.map(({ clientId, host }) => `${clientId} at ${host}`).join(', ');
    return new TidegateError(
      'TIDEGATE_KAFKA_REBALANCED',
      `source of topic ${topic}: another member of group ${groupId} has partition ` +
        `${missing.join(', ')}; its members are ${named}`,
      { details: { topic, groupId, partitions: missing } },
    );
  }

  /** Ends the reading with an error, also while no record comes. */
  #end(problem: Error): void {
    this.#problem ??= problem;
    void this.#options.consumer.close();
  }
}

/** From the record before it, if one was handed out: it shows that the topic is the same one. */
export function firstOffset({ next, last }: PartitionPlace): bigint {
  return last === undefined ? next : last.offset;
}

export function otherRecord(partition: number, offset: bigint): string {
  return `the record of partition ${partition} at offset ${offset} is another one than was read`;
}
