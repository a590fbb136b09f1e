// Raw records as records of the user's types; what cannot be decoded follows a policy.

import { crc32 } from 'node:zlib';
import { TidegateError, toError } from '../../errors.js';
import { RecordProblem } from '../files/source/record-format.js';
import type { KafkaHeaders, RawKafkaRecord } from './driver.js';
import type { KafkaFormat } from './formats.js';

/** A record of a topic. */
export interface KafkaRecord<Value, Key = Buffer> {
  readonly key: Key | null;
  /** `null` is a tombstone. */
  readonly value: Value | null;
  readonly headers: KafkaHeaders;
  /** Whole milliseconds, of the producer or, with `LogAppendTime`, of the broker. */
  readonly timestampMs: number;
  readonly partition: number;
  readonly offset: bigint;
}

/** A record that cannot be decoded. */
export interface BadKafkaRecord extends RawKafkaRecord {
  readonly topic: string;
  /** Why not, without its content. */
  readonly reason: string;
}

/**
 * What becomes of a record that cannot be decoded: `fail` ends the reading, `skip` leaves it out and
 * counts it, a function gives one to hand out in its place, or undefined to skip it.
 */
export type BadKafkaRecordPolicy<Rec> =
  'fail' | 'skip' | ((bad: BadKafkaRecord) => Rec | undefined);

export interface DecodedRecords<Rec> {
  readonly records: readonly Rec[];
  /** By reason. */
  readonly skipped: Readonly<Record<string, number>>;
}

export interface DecoderOptions<Value, Key> {
  readonly topic: string;
  readonly value: KafkaFormat<Value>;
  readonly key: KafkaFormat<Key>;
  readonly onBadRecord: BadKafkaRecordPolicy<KafkaRecord<Value, Key>>;
}

export class RecordDecoder<Value, Key> {
  readonly #options: DecoderOptions<Value, Key>;

  constructor(options: DecoderOptions<Value, Key>) {
    this.#options = options;
  }

  /** @throws TidegateError `TIDEGATE_SOURCE_RECORD`, as the policy is. */
  async decode(raw: readonly RawKafkaRecord[]): Promise<DecodedRecords<KafkaRecord<Value, Key>>> {
    const records: KafkaRecord<Value, Key>[] = [];
    const skipped: Record<string, number> = {};
    for (const one of raw) {
      try {
        const key = this.#part(one, 'key');
        const value = this.#part(one, 'value');
        // Most formats answer at once: a promise for each record costs more than decoding it.
        records.push({
          ...one,
          key: (key instanceof Promise ? await key : key) as Key | null,
          value: (value instanceof Promise ? await value : value) as Value | null,
        });
      } catch (error) {
        const { record, reason } = this.#replace(one, error);
        if (record !== undefined) records.push(record);
        else skipped[reason] = (skipped[reason] ?? 0) + 1;
      }
    }
    return { records, skipped };
  }

  #part(raw: RawKafkaRecord, part: 'key' | 'value'): unknown {
    const given = raw[part];
    return given === null ? null : this.#options[part](given, raw);
  }

  #replace(
    raw: RawKafkaRecord,
    thrown: unknown,
  ): { readonly record: KafkaRecord<Value, Key> | undefined; readonly reason: string } {
    const { topic, onBadRecord } = this.#options;
    const reason = thrown instanceof RecordProblem ? thrown.reason : 'not decoded';
    if (typeof onBadRecord === 'function') {
      return { record: onBadRecord({ ...raw, topic, reason }), reason };
    }
    if (onBadRecord === 'skip') return { record: undefined, reason };
    const { partition, offset } = raw;
    // The message of a format may quote the record, which may be a secret: only our own is shown.
    const why = thrown instanceof RecordProblem ? thrown.message : toError(thrown).name;
    throw new TidegateError(
      'TIDEGATE_SOURCE_RECORD',
      `topic ${topic}, partition ${partition}, offset ${offset}: the record cannot be decoded: ${why}`,
      { details: { topic, partition, offset: String(offset) } },
    );
  }
}

/** By which a record is known again: another topic of the same name has another one at its offset. */
export function digestOf({ timestampMs, key, value }: RawKafkaRecord): string {
  const ofKey = key === null ? 0 : crc32(key, 1);
  const sum = value === null ? crc32('null', ofKey) : crc32(value, ofKey);
  return `${timestampMs}-${sum.toString(16).padStart(8, '0')}`;
}
