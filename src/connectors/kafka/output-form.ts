// Records kept for later by a sink that stages them: one line of JSON each, bytes as base64.

import type { RecordForm } from '../../contracts/sink.js';
import { outputOf, OutputRecord, type KafkaSinkSettings } from './sink-options.js';
import { TopicNeeds, type OutputTopics } from './sink-topics.js';

interface Line {
  readonly topic: string;
  readonly partition?: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers?: readonly (readonly [string, string | null])[];
  readonly timestampMs?: number;
}

/** The form, with a check of topics, partitions and sizes: what does not fit would block the commit. */
export function outputForm<Rec>(
  settings: KafkaSinkSettings<Rec>,
  topics: OutputTopics,
): RecordForm<Rec> {
  let needs = new TopicNeeds();
  return {
    name: 'kafka-json-1',
    encode: (record, place = 1) => {
      const output = outputOf(settings, record, place);
      needs.note(output, place);
      return encode(output);
    },
    decode,
    async check(_lines, _before, call) {
      const asked = needs;
      needs = new TopicNeeds();
      await topics.check(asked, call);
    },
  };
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
