// The codec of a struct: its fields by name and in order, and whatever it does not know, kept.

import { text, type Codec, type WriteContext } from './codec.js';
import { maxDepth, type JsonReader } from './reader.js';
import { compareUtf8 } from './utf8.js';
import { isJsonArray, isJsonObject, type JsonValue } from './value.js';

/** `required` must be there; `defaulted` is always written; `optional` only when it has a value. */
export type Field<Value> =
  | { readonly kind: 'required'; readonly name: string; readonly codec: Codec<Value> }
  | {
      readonly kind: 'defaulted';
      readonly name: string;
      readonly codec: Codec<Value>;
      readonly absent: () => Value;
    }
  | { readonly kind: 'optional'; readonly name: string; readonly codec: Codec<Value> };

export function required<Value>(name: string, codec: Codec<Value>): Field<Value> {
  return { kind: 'required', name, codec };
}

export function defaulted<Value>(
  name: string,
  codec: Codec<Value>,
  absent: () => Value,
): Field<Value> {
  return { kind: 'defaulted', name, codec, absent };
}

export function optional<Value>(name: string, codec: Codec<Value>): Field<Value> {
  return { kind: 'optional', name, codec };
}

interface Struct {
  readonly unknownFields?: ReadonlyMap<string, JsonValue>;
}

/** One field of each property, in the order in which they are written. */
type Fields<Value> = {
  readonly [Name in Exclude<keyof Value, 'unknownFields'>]-?:
    Field<Exclude<Value[Name], undefined>> | Field<Value[Name]>;
};

type AnyField = Field<unknown>;

/** Called for each member that no field claims, once its value is read. */
export type OnUnknown = (
  reader: JsonReader,
  name: string,
  nameIndex: number,
  value: JsonValue,
) => void;

export function struct<Value extends Struct>(
  expected: string,
  fields: Fields<Value>,
  onUnknown?: OnUnknown,
): Codec<Value> {
  const entries = Object.entries<AnyField>(fields as Readonly<Record<string, AnyField>>);
  const canonical = [...entries].sort(([, a], [, b]) => compareUtf8(a.name, b.name));
  const byName = new Map(entries.map(([property, field]) => [field.name, { property, field }]));
  return {
    read(reader) {
      const start = reader.mark();
      const value: Record<string, unknown> & { unknownFields?: unknown } = {};
      const unknown = new Map<string, JsonValue>();
      reader.readObject(expected, (name, nameIndex) => {
        const known = byName.get(name);
        if (known) value[known.property] = known.field.codec.read(reader);
        else {
          const member = reader.readValue();
          onUnknown?.(reader, name, nameIndex, member);
          unknown.set(name, member);
        }
      });
      fillAbsent(reader, start, entries, value);
      if (unknown.size > 0) value.unknownFields = unknown;
      return value as unknown as Value;
    },
    write(value, context) {
      const members = new Map<string, JsonValue>();
      for (const [property, field] of context.order === 'declared' ? entries : canonical) {
        const member = (value as Record<string, unknown>)[property];
        if (field.kind === 'optional' && member === undefined) continue;
        context.enter(field.name);
        members.set(field.name, field.codec.write(member, context));
        context.leave();
      }
      for (const [name, member] of value.unknownFields ?? []) {
        context.enter(name);
        if (byName.has(name))
          context.refuse('TIDEGATE_MANIFEST_DUPLICATE_FIELD', name, 'a name that no field has');
        text.write(name, context);
        members.set(name, checkedUnknown(member, context));
        context.leave();
      }
      return members;
    },
  };
}

function fillAbsent(
  reader: JsonReader,
  start: number,
  entries: readonly [string, AnyField][],
  value: Record<string, unknown>,
): void {
  for (const [property, field] of entries) {
    if (property in value || field.kind === 'optional') continue;
    if (field.kind === 'required') {
      const expected = `the field "${field.name}"`;
      reader.fail('TIDEGATE_MANIFEST_MISSING_FIELD', start, 'an object without it', expected);
    }
    value[property] = field.absent();
  }
}

const numberText = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** A value kept from an earlier reading, or made by a caller, that can be read again. */
function checkedUnknown(value: JsonValue, context: WriteContext): JsonValue {
  if (context.depth > maxDepth) {
    context.refuse('TIDEGATE_MANIFEST_TOO_DEEP', 'a deeper value', `at most ${maxDepth} levels`);
  }
  if (typeof value === 'string') return text.write(value, context);
  if (value === null || typeof value === 'boolean') return value;
  if (isJsonArray(value)) {
    for (const [index, element] of value.entries()) {
      context.enter(index);
      checkedUnknown(element, context);
      context.leave();
    }
    return value;
  }
  if (isJsonObject(value)) {
    for (const [name, member] of value) {
      context.enter(name);
      text.write(name, context);
      checkedUnknown(member, context);
      context.leave();
    }
    return value;
  }
  const spelling = (value as { numberText?: unknown }).numberText;
  if (typeof spelling !== 'string' || !numberText.test(spelling)) {
    context.refuse('TIDEGATE_MANIFEST_TYPE', spelling ?? value, 'a JSON value');
  }
  return value;
}
