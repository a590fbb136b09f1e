// How records become lines of a staged file, and records again.

import { TidegateError } from '../../errors.js';
import { exactJson } from '../../exact-json.js';
import { parseTypedJson, typedJson } from '../../typed-json.js';

/** Records as lines of text. What `decode` gives must be what `encode` was given. */
export interface RecordCodec<Rec> {
  /** One line of well-formed text. */
  encode(record: Rec): string;
  decode(line: string): Rec;
}

/** A codec, and what the staged files of it say. */
export interface NamedCodec<Rec> {
  /** `typed-json-1`, `custom`, or the name of a wrapped sink's own form. */
  readonly name: string;
  encode(record: Rec, place?: number): string;
  decode(line: string): Rec;
}

/** Begins a line of typed JSON, version 1. No JSON text begins with it. */
const typedMark = '~1 ';

/**
 * JSON, and for a record that JSON would change typed JSON: undefined, NaN, BigInt, Date, Buffer,
 * Uint8Array, Map and Set come back as they were.
 */
export function exactLines<Rec>(): NamedCodec<Rec> {
  const decode = (line: string): Rec => decodeExactly(line) as Rec;
  return { name: 'typed-json-1', encode: encodeExactly, decode };
}

/**
 * The codec that a file was staged with: it may have been changed since.
 *
 * @param name As the file says; undefined in those of older versions.
 * @param known The one that was given, and the form of the wrapped sink.
 * @throws TidegateError `TIDEGATE_WRITE_AHEAD_CORRUPT` where only its owner knows it.
 */
export function codecOf<Rec>(
  name: unknown,
  path: string,
  known: readonly NamedCodec<Rec>[],
): NamedCodec<Rec> {
  const exact = exactLines<Rec>();
  // An older version has staged with a codec of its user, or as plain JSON.
  const wanted = name ?? (known[0]?.name === 'custom' ? 'custom' : exact.name);
  const found = [...known, exact].find((codec) => codec.name === wanted);
  if (found !== undefined) return found;
  const what = name === 'custom' ? 'a codec of its user' : `codec ${JSON.stringify(name)}`;
  throw new TidegateError(
    'TIDEGATE_WRITE_AHEAD_CORRUPT',
    `${path} was staged with ${what}: give writeAhead that codec until the file is applied`,
  );
}

/** Not spread: a codec may be an instance of a class. */
export function customCodec<Rec>(codec: RecordCodec<Rec>): NamedCodec<Rec> {
  return {
    name: 'custom',
    encode: (record) => codec.encode(record),
    decode: (line) => codec.decode(line),
  };
}

function encodeExactly(record: unknown): string {
  const json = exactJson(record);
  if (json.kind === 'text') return json.text;
  const typed = typedJson(record);
  if (typed.kind === 'text') return `${typedMark}${typed.text}`;
  throw new TidegateError(
    'TIDEGATE_SINK_RECORD',
    `a record cannot be staged without loss: ${typed.loss}; turn it into plain data before the ` +
      'sink, or give writeAhead a codec that keeps it',
  );
}

function decodeExactly(line: string): unknown {
  return line.startsWith(typedMark) ? parseTypedJson(line.slice(3)) : JSON.parse(line);
}

/** @throws TidegateError `TIDEGATE_SINK_RECORD` for what a codec may not give. */
export function requireLine(line: unknown): string {
  if (typeof line === 'string' && !line.includes('\n') && line.isWellFormed()) return line;
  const what =
    typeof line === 'string'
      ? 'text with a line break or half of a surrogate pair'
      : `a ${typeof line}, not text`;
  throw new TidegateError('TIDEGATE_SINK_RECORD', `the codec of writeAhead gave ${what}`);
}
