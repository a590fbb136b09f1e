// Fetches partitions through kafkajs, at the offsets given and at no other.
//
// One fetch at a time goes to each leader. Its answer is held until it is taken, and the next fetch
// is on its way meanwhile: two answers for each leader are the most that is in memory.

import type { CallOptions } from '../../contracts/source.js';
import { systemClock } from '../../runtime/clock.js';
import { sleep } from '../../runtime/deadline.js';
import {
  KafkaFailure,
  type KafkaConsumer,
  type KafkaConsumerOptions,
  type KafkaRead,
} from './driver.js';
import type { KafkaJsFetchedPartition, KafkaJsCluster } from './kafkajs-client.js';
import type { ClusterHandle } from './kafkajs-cluster.js';
import { behindEmptyBatches } from './kafkajs-empty-batches.js';
import { readAnew } from './errors.js';
import { isStale, toFailure } from './kafkajs-errors.js';
import { committedRecords } from './kafkajs-fetched.js';
import type { Membership } from './kafkajs-membership.js';

/** How long a broker waits for records: the longest that a partition taken up meanwhile waits. */
const maxWaitMs = 250;
const readCommitted = 1;
const defaultMaxBytes = 2_097_152;
const partitionMaxBytes = 1_048_576;
/** Of an election of a leader; what lasts longer is tried again from outside, with events. */
const staleTries = 10;
const stalePauseMs = 100;
/** Answers without a record although there is one: the share of others, or an empty batch. */
const emptyAnswersMax = 3;

interface Position {
  offset: bigint;
  /** Raised by every seek: an answer to a fetch from before it is dropped. */
  readonly version: number;
  emptyAnswers: number;
}

type RecordsRead = Extract<KafkaRead, { kind: 'records' }>;

export class JsConsumer implements KafkaConsumer {
  readonly #handle: ClusterHandle;
  readonly #options: KafkaConsumerOptions;
  readonly #membership: Membership | undefined;
  readonly #positions = new Map<number, Position>();
  readonly #paused = new Set<number>();
  readonly #fetching = new Set<string>();
  #ready: KafkaRead[] = [];
  #failure: KafkaFailure | undefined;
  #versions = 0;
  #staleTries = 0;
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor(
    handle: ClusterHandle,
    options: KafkaConsumerOptions,
    membership: Membership | undefined,
  ) {
    this.#handle = handle;
    this.#options = options;
    this.#membership = membership;
    for (const [partition, offset] of options.from) this.#place(partition, offset);
    membership?.start({
      assigned: (partitions) => this.#assigned(partitions),
      failed: (error) => this.#fail(toFailure(error, this.#doing)),
    });
  }

  get #cluster(): KafkaJsCluster {
    return this.#handle.cluster;
  }

  get #doing(): string {
    return `reading topic ${this.#options.topic}`;
  }

  async *reads({ signal }: CallOptions): AsyncGenerator<KafkaRead> {
    const onAbort = (): void => this.#wake();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!this.#isClosed && !signal.aborted) {
        if (this.#failure !== undefined) throw this.#failure;
        this.#startFetches();
        const read = this.#ready.shift();
        if (read === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
        else yield read;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  seek(partition: number, offset: bigint): void {
    this.#drop(partition);
    this.#place(partition, offset);
    this.#wake();
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) {
      this.#paused.add(partition);
      const held = this.#firstReady(partition);
      if (held !== undefined) this.seek(partition, held.offset);
    }
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.delete(partition);
    this.#wake();
  }

  async commitOffsets(
    offsets: ReadonlyMap<number, bigint>,
    { signal }: CallOptions,
  ): Promise<void> {
    signal.throwIfAborted();
    if (this.#membership === undefined) {
      throw new KafkaFailure('unsupported', 'this consumer is no member of a group');
    }
    await this.#membership.commitOffsets(offsets);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.#membership?.close();
    await this.#handle.close();
  }

  #place(partition: number, offset: bigint): void {
    this.#versions += 1;
    this.#positions.set(partition, { offset, version: this.#versions, emptyAnswers: 0 });
  }

  #assigned(partitions: readonly number[]): void {
    for (const partition of this.#positions.keys()) this.#drop(partition);
    this.#positions.clear();
    this.#ready = [{ kind: 'assigned', partitions }];
    this.#wake();
  }

  #drop(partition: number): void {
    this.#ready = this.#ready.filter(
      (read) => read.kind !== 'records' || read.partition !== partition,
    );
  }

  #firstReady(partition: number): RecordsRead | undefined {
    return this.#ready.find(
      (read): read is RecordsRead => read.kind === 'records' && read.partition === partition,
    );
  }

  #fail(failure: KafkaFailure): void {
    if (this.#isClosed) return;
    this.#failure ??= failure;
    this.#wake();
  }

  /** One for each leader that has none under way and none that waits to be taken. */
  #startFetches(): void {
    const { topic } = this.#options;
    const active = [...this.#positions.keys()].filter(
      (partition) => !this.#paused.has(partition) && this.#firstReady(partition) === undefined,
    );
    if (active.length === 0 || this.#fetching.has('')) return;
    let leaders: Readonly<Record<string, readonly number[]>>;
    try {
      leaders = this.#cluster.findLeaderForPartitions(topic, active);
    } catch (error) {
      this.#refresh(error);
      return;
    }
    for (const [nodeId, partitions] of Object.entries(leaders)) {
      if (this.#fetching.has(nodeId)) continue;
      this.#fetching.add(nodeId);
      void this.#fetch(nodeId, partitions).finally(() => {
        this.#fetching.delete(nodeId);
        this.#wake();
      });
    }
    const led = Object.values(leaders).flat().length;
    if (led < active.length) this.#refresh(new Error('a partition without a leader'));
  }

  async #fetch(nodeId: string, partitions: readonly number[]): Promise<void> {
    const asked = new Map<number, Position>();
    for (const partition of partitions) {
      const position = this.#positions.get(partition);
      if (position !== undefined) asked.set(partition, position);
    }
    try {
      const answers = await this.#ask(nodeId, asked, maxWaitMs);
      this.#staleTries = 0;
      for (const answer of answers) await this.#take(nodeId, answer, asked.get(answer.partition));
    } catch (error) {
      if (this.#isClosed) return;
      if (isStale(error)) await this.#refreshLater(error);
      else this.#fail(readAnew(toFailure(error, this.#doing)));
    }
  }

  async #ask(
    nodeId: string,
    asked: ReadonlyMap<number, { readonly offset: bigint }>,
    maxWaitTime: number,
  ): Promise<readonly KafkaJsFetchedPartition[]> {
    const { topic, maxBytes = defaultMaxBytes } = this.#options;
    const partitions = [...asked].map(([partition, { offset }]) => ({
      partition,
      fetchOffset: String(offset),
      maxBytes: Math.min(maxBytes, partitionMaxBytes),
    }));
    const broker = await this.#cluster.findBroker({ nodeId });
    const { responses } = await broker.fetch({
      isolationLevel: readCommitted,
      maxWaitTime,
      minBytes: 1,
      maxBytes,
      topics: [{ topic, partitions }],
    });
    return responses.flatMap((response) => response.partitions);
  }

  async #take(
    nodeId: string,
    fetched: KafkaJsFetchedPartition,
    position: Position | undefined,
  ): Promise<void> {
    const { partition, lastStableOffset } = fetched;
    if (position === undefined || this.#positions.get(partition) !== position) return;
    const { offset } = position;
    const { records, nextOffset } = committedRecords(fetched, offset);
    if (nextOffset > offset) {
      this.#hold({ kind: 'records', partition, offset, records, nextOffset }, position);
      return;
    }
    if (BigInt(lastStableOffset) <= offset || fetched.messages.length > 0) return;
    position.emptyAnswers += 1;
    if (position.emptyAnswers < emptyAnswersMax) return;
    const behind = await behindEmptyBatches({
      from: offset,
      end: BigInt(lastStableOffset),
      isEmptyAt: async (at) => {
        const answers = await this.#ask(nodeId, new Map([[partition, { offset: at }]]), 0);
        return answers.every(({ messages }) => messages.length === 0);
      },
    });
    if (this.#isClosed || this.#positions.get(partition) !== position || behind === offset) return;
    this.#hold({ kind: 'records', partition, offset, records: [], nextOffset: behind }, position);
  }

  #hold(read: RecordsRead, position: Position): void {
    position.offset = read.nextOffset;
    position.emptyAnswers = 0;
    this.#ready.push(read);
  }

  #refresh(error: unknown): void {
    this.#fetching.add('');
    void this.#refreshLater(error).finally(() => {
      this.#fetching.delete('');
      this.#wake();
    });
  }

  async #refreshLater(error: unknown): Promise<void> {
    this.#staleTries += 1;
    if (this.#staleTries > staleTries) {
      this.#fail(toFailure(error, this.#doing));
      return;
    }
    await sleep(systemClock, stalePauseMs);
    if (this.#isClosed) return;
    try {
      await this.#cluster.refreshMetadata();
    } catch (again) {
      if (!isStale(again)) this.#fail(readAnew(toFailure(again, this.#doing)));
    }
  }
}
