// Reads Kafka sources as a loop does: until enough has come, or to the end.

import type { Offsets, ReadableSource, SourceBatch } from 'tidegate/extend';
import { kafkaSource, text } from 'tidegate/kafka';
import type { KafkaRecord, KafkaSourceOptions } from 'tidegate/kafka';
import { driverUnderTest } from './topics.js';

export type TextSource = ReadableSource<KafkaRecord<string>>;

export const kafka = driverUnderTest();

/** A source of texts from the start of the topic. */
export function textSource(
  topic: string,
  options: Partial<KafkaSourceOptions<string>> = {},
): TextSource {
  return kafkaSource({ kafka, topic, value: text(), from: 'start', ...options });
}

export function neverAborted(): { readonly signal: AbortSignal } {
  return { signal: new AbortController().signal };
}

export interface Taken<Rec> {
  readonly records: readonly Rec[];
  readonly batches: readonly SourceBatch<Rec>[];
  /** Behind the last batch. */
  readonly offsets: Offsets;
}

/** All batches up to `count` records or the end of the input. */
export async function take<Rec>(
  source: ReadableSource<Rec>,
  count = Infinity,
): Promise<Taken<Rec>> {
  const batches: SourceBatch<Rec>[] = [];
  let found = 0;
  if (count > 0) {
    for await (const batch of source.read(neverAborted())) {
      batches.push(batch);
      found += batch.records.length;
      if (found >= count) break;
    }
  }
  const position = await source.position();
  const offsets = (position as { offsets?: Offsets }).offsets ?? (position as Offsets);
  return {
    records: batches.flatMap(({ records }) => records),
    batches,
    offsets: batches.at(-1)?.offsets ?? offsets,
  };
}

/** Values in the order of their partitions. */
export function valuesOf(records: readonly KafkaRecord<string>[]): (string | null)[] {
  return [...records]
    .sort((one, other) => one.partition - other.partition || Number(one.offset - other.offset))
    .map(({ value }) => value);
}

/** The next batch of a reading that has one. */
export async function nextOf<Rec>(
  reading: AsyncIterator<SourceBatch<Rec>, unknown>,
): Promise<SourceBatch<Rec>> {
  const result = await reading.next();
  if (result.done === true) throw new Error('the reading has ended');
  return result.value;
}
