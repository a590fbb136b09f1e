// What bytes of a record mean: JSON, text, bytes, or what a function makes of them.

import { isUtf8 } from 'node:buffer';
import { completeOptions } from '../../options.js';
import { jsonNumbers, parseJson, type JsonNumbers } from '../files/source/json-numbers.js';
import { RecordProblem } from '../files/source/record-format.js';
import type { RawKafkaRecord } from './driver.js';

/**
 * Makes a value of the bytes of a key or a value, such as a schema registry's client does; a promise is
 * waited for. It is not called for a key that is missing or for a tombstone, which stay `null`. What it
 * throws makes a bad record.
 */
export type KafkaFormat<Value> = (bytes: Buffer, record: RawKafkaRecord) => Value | Promise<Value>;

/**
 * JSON in UTF-8. `numbers` says what becomes of those that a JavaScript number cannot hold; default
 * `exact`: a bad record.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`.
 */
export function json<Value = unknown>(
  options: { readonly numbers?: JsonNumbers } = {},
): KafkaFormat<Value> {
  const { numbers } = completeOptions('json', options, { numbers: jsonNumbers });
  return (bytes) => parseJson(utf8(bytes), numbers) as Value;
}

/** Text in UTF-8. */
export function text(): KafkaFormat<string> {
  return utf8;
}

/** The bytes as they are. */
export function bytes(): KafkaFormat<Buffer> {
  return (given) => given;
}

function utf8(given: Buffer): string {
  if (isUtf8(given)) return given.toString('utf8');
  throw new RecordProblem('not UTF-8');
}
