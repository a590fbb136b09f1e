// Records kept for later by a sink that stages them: one line of JSON each, bytes as base64.

import type { RecordForm } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { TidegateError } from '../../errors.js';
import type { KafkaDriver } from './driver.js';
import { outputOf, OutputRecord, type KafkaSinkSettings } from './sink-options.js';

interface Line {
  readonly topic: string;
  readonly partition?: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers?: readonly (readonly [string, string | null])[];
  readonly timestampMs?: number;
}

/** The form, with a check of topics and partitions: a record without a place would block the commit. */
export async function outputForm<Rec>(
  settings: KafkaSinkSettings<Rec>,
  kafka: KafkaDriver,
  options: CallOptions,
): Promise<RecordForm<Rec>> {
  const partitions = new Map<string, number>();
  const check = async (topics: ReadonlyMap<string, number>, call: CallOptions): Promise<void> => {
    const unknown = [...topics].filter(([topic, highest]) => {
      return highest >= (partitions.get(topic) ?? 0);
    });
    if (unknown.length === 0) return;
    const admin = await kafka.admin(call);
    try {
      for (const [topic, highest] of unknown) {
        const found = await admin.describeTopic(topic, call);
        if (found === undefined) throw missing(topic);
        partitions.set(topic, found.partitions);
        if (highest >= found.partitions) {
          throw new TidegateError(
            'TIDEGATE_SINK_RECORD',
            `topic ${topic} has ${found.partitions} partitions, and a record goes to ${highest}`,
            { details: { topic } },
          );
        }
      }
    } finally {
      await admin.close();
    }
  };
  if (typeof settings.topic === 'string') await check(new Map([[settings.topic, 0]]), options);
  return {
    name: 'kafka-json-1',
    encode: (record, place = 1) => encode(outputOf(settings, record, place)),
    decode,
    async check(lines, _before, call) {
      const topics = new Map<string, number>();
      for (const line of lines) {
        const { topic, partition = 0 } = JSON.parse(line) as Line;
        topics.set(topic, Math.max(partition, topics.get(topic) ?? 0));
      }
      await check(topics, call);
    },
  };
}

function missing(topic: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_KAFKA_TOPIC',
    `there is no topic ${topic}: create it, or correct its name; topics of data are never created`,
    { details: { topic } },
  );
}

function encode({ topic, partition, key, value, headers, timestampMs }: OutputRecord): string {
  const line: Line = {
    topic,
    ...(partition === undefined ? {} : { partition }),
    key: key?.toString('base64') ?? null,
    value: value?.toString('base64') ?? null,
    ...(headers === undefined
      ? {}
      : { headers: headers.map(([name, one]) => [name, one?.toString('base64') ?? null]) }),
    ...(timestampMs === undefined ? {} : { timestampMs }),
  };
  return JSON.stringify(line);
}

function decode(text: string): OutputRecord {
  const { topic, partition, key, value, headers, timestampMs } = JSON.parse(text) as Line;
  return new OutputRecord(
    topic,
    partition,
    bytes(key),
    bytes(value),
    headers?.map(([name, one]) => [name, bytes(one)] as const),
    timestampMs,
  );
}

function bytes(base64: string | null): Buffer | null {
  return base64 === null ? null : Buffer.from(base64, 'base64');
}
