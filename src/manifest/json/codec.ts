// A codec reads one kind of value and writes it: one definition for both ways, so that they agree.

import { formatPath, excerpt, ManifestError, type ManifestErrorCode } from '../manifest-error.js';
import type { JsonReader } from './reader.js';
import { sortedByUtf8 } from './utf8.js';
import type { JsonValue } from './value.js';

/** `declared` as the fields are listed; `canonical` sorted, which saves the printer the sorting. */
export type FieldOrder = 'declared' | 'canonical';

/** One writing: the order of fields, and where a value belongs, for the error when it cannot be. */
export class WriteContext {
  readonly order: FieldOrder;
  readonly #segments: (string | number)[] = [];

  constructor(order: FieldOrder) {
    this.order = order;
  }

  /** What is written until `leave` stands below this name or index. */
  enter(segment: string | number): void {
    this.#segments.push(segment);
  }

  leave(): void {
    this.#segments.pop();
  }

  get depth(): number {
    return this.#segments.length;
  }

  refuse(code: ManifestErrorCode, value: unknown, expected: string): never {
    const found = excerpt(typeof value === 'string' ? JSON.stringify(value) : String(value));
    throw new ManifestError(code, { path: formatPath(this.#segments), found, expected });
  }
}

export interface Codec<Value> {
  read(reader: JsonReader): Value;
  /** Refuses what `read` would refuse. */
  write(value: Value, context: WriteContext): JsonValue;
}

export const text: Codec<string> = {
  read: (reader) => reader.readString('a string'),
  write(value, context) {
    if (typeof value !== 'string') context.refuse('TIDEGATE_MANIFEST_TYPE', value, 'a string');
    if (!value.isWellFormed()) {
      context.refuse('TIDEGATE_MANIFEST_ENCODING', value, 'text without lone surrogates');
    }
    return value;
  },
};

export const boolean: Codec<boolean> = {
  read(reader) {
    if (reader.takeLiteral('true')) return true;
    if (reader.takeLiteral('false')) return false;
    return reader.failFound('true or false');
  },
  write(value, context) {
    if (typeof value !== 'boolean')
      context.refuse('TIDEGATE_MANIFEST_TYPE', value, 'true or false');
    return value;
  },
};

/** One of a few words. */
export function oneOf<Word extends string>(...words: readonly Word[]): Codec<Word> {
  const expected = words.map((word) => JSON.stringify(word)).join(' or ');
  const isWord = (value: string): value is Word => (words as readonly string[]).includes(value);
  return {
    read(reader) {
      const start = reader.mark();
      const word = reader.readString(expected);
      if (isWord(word)) return word;
      return reader.fail('TIDEGATE_MANIFEST_TYPE', start, JSON.stringify(word), expected);
    },
    write(value, context) {
      if (!isWord(value)) context.refuse('TIDEGATE_MANIFEST_TYPE', value, expected);
      return value;
    },
  };
}

/** `null` in JSON, `undefined` here. */
export function nullable<Value>(codec: Codec<Value>): Codec<Value | undefined> {
  return {
    read: (reader) => (reader.takeLiteral('null') ? undefined : codec.read(reader)),
    write: (value, context) => (value === undefined ? null : codec.write(value, context)),
  };
}

export function list<Value>(codec: Codec<Value>): Codec<readonly Value[]> {
  return {
    read(reader) {
      const values: Value[] = [];
      reader.readArray('an array', () => values.push(codec.read(reader)));
      return values;
    },
    write(values, context) {
      if (!Array.isArray(values)) context.refuse('TIDEGATE_MANIFEST_TYPE', values, 'an array');
      return values.map((value, index) => {
        context.enter(index);
        const element = codec.write(value, context);
        context.leave();
        return element;
      });
    },
  };
}

/** Names live in a `Map`: `__proto__` and the empty string are names like any other. */
export function map<Value>(codec: Codec<Value>): Codec<ReadonlyMap<string, Value>> {
  return {
    read(reader) {
      const values = new Map<string, Value>();
      reader.readObject('an object', (name) => values.set(name, codec.read(reader)));
      return values;
    },
    write(values, context) {
      if (!(values instanceof Map)) context.refuse('TIDEGATE_MANIFEST_TYPE', values, 'a Map');
      const members = new Map<string, JsonValue>();
      for (const [name, value] of sortedByUtf8(values)) {
        context.enter(name);
        text.write(name, context);
        members.set(name, codec.write(value, context));
        context.leave();
      }
      return members;
    },
  };
}
