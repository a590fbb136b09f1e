// JSON with the types that JSON lacks, for text that only tidegate reads back: nothing changes on the way.
//
// A value that JSON has not is an object with one member, `~`: `{"~":["date",0]}`. A plain object that
// has a member of this name itself is written as `{"~":["object",{"~":1}]}`.

import { deepest, describeLoss, isPlain, nameOf } from './exact-json.js';

const tag = '~';

export type TypedJson =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'loss'; readonly loss: string };

/**
 * The value as text from which `parseTypedJson` makes an equal one: what JSON has, undefined, every
 * number, BigInt, Date, Buffer, Uint8Array, Map and Set. Anything else is a loss, and is named.
 */
export function typedJson(value: unknown): TypedJson {
  try {
    return { kind: 'text', text: JSON.stringify(toTyped(value, [])) };
  } catch (error) {
    if (error instanceof Loss) return { kind: 'loss', loss: error.message };
    throw error;
  }
}

/** @throws SyntaxError for text that `typedJson` has not made. */
export function parseTypedJson(text: string): unknown {
  return fromTyped(JSON.parse(text));
}

class Loss extends Error {}

type Path = (string | number)[];

function toTyped(value: unknown, path: Path): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (Object.is(value, -0)) return tagged('number', '-0');
      return Number.isFinite(value) ? value : tagged('number', String(value));
    case 'bigint':
      return tagged('bigint', String(value));
    case 'undefined':
      return tagged('undefined');
    case 'object':
      if (value === null) return null;
      if (path.length <= deepest) return objectToTyped(value, path);
      throw new Loss(describeLoss(path, `is nested more than ${deepest} deep, or holds itself`));
    default:
      throw new Loss(describeLoss(path, `is a ${typeof value}`));
  }
}

function objectToTyped(value: object, path: Path): unknown {
  // By their tags, not by `instanceof`: values may come from another realm.
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind === 'Uint8Array' && isPlain(value, 5)) return bytesToTyped(value as Uint8Array, path);
  if (isPlain(value, 3)) {
    if (Array.isArray(value)) return arrayToTyped(value, path);
    if (kind === 'Date') return tagged('date', timeOf(value as Date));
    if (kind === 'Map')
      return tagged('map', listToTyped([...(value as Map<unknown, unknown>)], path));
    if (kind === 'Set') return tagged('set', listToTyped([...(value as Set<unknown>)], path));
  }
  if (!isPlain(value, 2)) throw new Loss(describeLoss(path, `is an instance of ${nameOf(value)}`));
  const members: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value)) {
    members.push([name, within(path, name, member)]);
  }
  refuseSymbols(value, path);
  // `fromEntries` takes any name, `__proto__` too.
  const typed = Object.fromEntries(members);
  return Object.hasOwn(value, tag) ? tagged('object', typed) : typed;
}

function arrayToTyped(values: readonly unknown[], path: Path): unknown[] {
  const extra = Object.keys(values).length > values.length;
  if (extra) throw new Loss(describeLoss(path, 'is an array with properties of its own'));
  return listToTyped(values, path);
}

function listToTyped(values: readonly unknown[], path: Path): unknown[] {
  return Array.from(values, (element, index) => within(path, index, element));
}

function bytesToTyped(bytes: Uint8Array, path: Path): unknown {
  const name = nameOf(bytes);
  if (name !== 'Buffer' && name !== 'Uint8Array') {
    throw new Loss(describeLoss(path, `is an instance of ${name}`));
  }
  const { buffer, byteOffset, byteLength } = bytes;
  const text = Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  return tagged(name === 'Buffer' ? 'buffer' : 'bytes', text);
}

/** Null for a date that is none: JSON has no NaN. */
function timeOf(date: Date): number | null {
  const time = date.getTime();
  return Number.isNaN(time) ? null : time;
}

function refuseSymbols(value: object, path: Path): void {
  const symbol = Object.getOwnPropertySymbols(value).find((own) =>
    Object.prototype.propertyIsEnumerable.call(value, own),
  );
  if (symbol === undefined) return;
  throw new Loss(describeLoss([...path, String(symbol)], 'has a symbol as name'));
}

function within(path: Path, segment: string | number, value: unknown): unknown {
  path.push(segment);
  const typed = toTyped(value, path);
  path.pop();
  return typed;
}

function tagged(kind: string, ...payload: readonly unknown[]): unknown {
  return { [tag]: [kind, ...payload] };
}

function fromTyped(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(fromTyped);
  const members = value as Record<string, unknown>;
  return Object.hasOwn(members, tag) ? fromTag(members[tag]) : fromMembers(members);
}

/** In place: each member is there already, so that `__proto__` is a name like any other. */
function fromMembers(members: Record<string, unknown>): unknown {
  for (const name of Object.keys(members)) members[name] = fromTyped(members[name]);
  return members;
}

function fromTag(content: unknown): unknown {
  const [kind, payload] = content as readonly [string, unknown];
  switch (kind) {
    case 'undefined':
      return undefined;
    case 'number':
      return Number(payload);
    case 'bigint':
      return BigInt(payload as string);
    case 'date':
      return new Date((payload as number | null) ?? NaN);
    case 'bytes':
      return new Uint8Array(Buffer.from(payload as string, 'base64'));
    case 'buffer':
      return Buffer.from(payload as string, 'base64');
    case 'map':
      return new Map(fromTyped(payload) as [unknown, unknown][]);
    case 'set':
      return new Set(fromTyped(payload) as unknown[]);
    case 'object':
      return fromMembers(payload as Record<string, unknown>);
    default:
      throw new SyntaxError(`typed JSON of a newer version: ${JSON.stringify(kind)}`);
  }
}
