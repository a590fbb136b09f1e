// A loop over `eachBatch` of kafkajs that exists: it hands its batches over to `coordinator.batches()`.

import type { Offsets } from '../../contracts/source.js';
import { systemClock, type Timer } from '../../runtime/clock.js';
import {
  callback,
  completeOptions,
  contract,
  custom,
  required,
  whole,
  type OptionTable,
} from '../../options.js';
import { pushSource, type PushSource } from '../memory/push-source.js';
import { topicProblem } from './sink-options.js';

/** A consumer of kafkajs, as far as it is moved. */
export interface EachBatchConsumer {
  readonly events: { readonly GROUP_JOIN: 'consumer.group_join' };
  on(event: 'consumer.group_join', listener: () => void): unknown;
  seek(place: { topic: string; partition: number; offset: string }): void;
}

/** A record as `eachBatch` gives it. */
export interface EachBatchMessage {
  readonly offset: string;
  readonly key: Buffer | null;
  /** `null` is a tombstone. */
  readonly value: Buffer | null;
}

/** What `eachBatch` is called with, as far as it is needed. */
export interface EachBatchCall {
  readonly batch: { readonly partition: number; readonly messages: readonly EachBatchMessage[] };
  isStale(): boolean;
  heartbeat(): Promise<void>;
  resolveOffset(offset: string): void;
}

/** What `eachBatchSource` is made of. */
export interface EachBatchOptions<Rec> {
  /** Made, not yet running: it is moved at each of its joins. */
  readonly consumer: EachBatchConsumer;
  readonly topic: string;
  /** The next offset of each partition at the very first start: `{ 0: '0', 1: '0' }`. */
  readonly start: Offsets;
  readonly record: (message: EachBatchMessage) => Rec;
  /** Between two heartbeats while the loop is busy. Default 2 000. */
  readonly heartbeatMs?: number;
}

const optionTable = {
  consumer: required(contract(['on', 'seek'])),
  topic: required(custom(topicProblem)),
  start: required(custom()),
  record: required(callback()),
  heartbeatMs: whole({ min: 1, unit: 'milliseconds' }, 2_000),
} satisfies OptionTable<EachBatchOptions<never>>;

/** The source for the coordinator, and the function for `consumer.run`. */
export interface EachBatchSource<Rec> {
  readonly source: PushSource<Rec>;
  /** Run it with `autoCommit: false` and `eachBatchAutoResolve: false`. */
  readonly eachBatch: (call: EachBatchCall) => Promise<void>;
}

/**
 * kafkajs forgets where it was at each join, and the offsets of its group decide nothing: the consumer is
 * moved to the offsets of the checkpoint at each start, behind each failure and at each join. A batch that
 * does not follow on is dropped; heartbeats go on while the loop is busy.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS` with every problem of the options.
 */
export function eachBatchSource<Rec>(options: EachBatchOptions<Rec>): EachBatchSource<Rec> {
  const { consumer, topic, start, record, heartbeatMs } = completeOptions(
    'eachBatchSource',
    options,
    optionTable,
  );
  let next = start;
  let isJoined = false;
  const seekAll = (): void => {
    for (const [partition, offset] of Object.entries(next)) {
      consumer.seek({ topic, partition: Number(partition), offset });
    }
  };
  consumer.on(consumer.events.GROUP_JOIN, () => {
    isJoined = true;
    seekAll();
  });
  const source = pushSource<Rec>({
    start,
    seek: (offsets) => {
      next = offsets;
      if (isJoined) seekAll();
    },
  });
  const eachBatch = async (call: EachBatchCall): Promise<void> => {
    const { partition, messages } = call.batch;
    const last = messages.at(-1);
    if (last === undefined || call.isStale()) return;
    const after = { [partition]: next[partition] ?? '0' };
    const offsets = { [partition]: String(BigInt(last.offset) + 1n) };
    const beating = beat(call, heartbeatMs);
    try {
      const outcome = await source.push({ records: messages.map(record), after, offsets });
      if (outcome === 'dropped') return;
      next = { ...next, ...offsets };
      call.resolveOffset(last.offset);
    } finally {
      beating.cancel();
    }
  };
  return { source, eachBatch };
}

/** A heartbeat that fails ends the session; the client then joins again, and is moved. */
function beat(call: EachBatchCall, everyMs: number): Timer {
  let timer: Timer;
  const again = (): void => {
    timer = systemClock.setTimer(() => {
      void call.heartbeat().catch(() => undefined);
      again();
    }, everyMs);
  };
  again();
  return { cancel: () => timer.cancel() };
}
