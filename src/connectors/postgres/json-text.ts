// JSON as PostgreSQL has it: numbers of any length, and texts that a column of type json keeps as they are.

import { TidegateError } from '../../errors.js';
import { exactJson } from '../../exact-json.js';

/**
 * JSON that no plain JavaScript value stands for: a number that a double would change (`1.10`,
 * `0.12345678901234567890`), or the JSON null that is not NULL. `postgresSource` hands it out inside a
 * json value or instead of one, and a json column takes it as it is; `new JsonText(text)` writes any
 * JSON text unchanged.
 *
 * In arithmetic it is the nearest number. JSON and operator state refuse it by name.
 */
export class JsonText {
  /** The JSON text, unchanged. */
  readonly text: string;

  /** @throws TidegateError `TIDEGATE_POSTGRES_ROW` for a text that is no JSON. */
  constructor(text: string) {
    try {
      JSON.parse(text);
    } catch {
      // Not as a cause: the message of the parser quotes the text.
      throw misfit('was given a JsonText that is no JSON');
    }
    this.text = text;
  }

  /** What `JSON.parse` makes of it: the nearest double of a number. */
  valueOf(): unknown {
    return JSON.parse(this.text);
  }

  toString(): string {
    return this.text;
  }

  /** @throws TidegateError always: JSON text in a string would be another value. */
  toJSON(): never {
    throw misfit('is a JsonText, which JSON.stringify would change: use its text or valueOf()');
  }
}

/** A string, or a number; what stands between them has neither. */
const token = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
/** A character of the private use area: a text that has it is handed out whole. */
const mark = '\ue000';

/** The value of a JSON text, with a BigInt or a `JsonText` for each number that a double would change. */
export function parseJson(text: string): unknown {
  if (text.trim() === 'null') return new JsonText(text);
  let changed = 0;
  const marked = text.replace(token, (found) => {
    if (found.startsWith('"') || isExactNumber(found)) return found;
    changed += 1;
    return `"${mark}${found}"`;
  });
  if (changed === 0) return JSON.parse(text);
  if (/\ue000|\\ue000/i.test(text)) return new JsonText(text);
  return JSON.parse(marked, (_name, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? exactNumber(value.slice(1)) : value,
  );
}

/** Texts of type json whose spaces, order and repeated names a JavaScript value does not have. */
const asWritten = new WeakMap<object, string>();

/** The value of a column of type json: handed on as it is, it is written with the same text. */
export function parseJsonAsWritten(text: string): unknown {
  const value = parseJson(text);
  if (value instanceof JsonText) return new JsonText(text);
  if (jsonText(value) === text) return value;
  if (typeof value !== 'object' || value === null) return new JsonText(text);
  asWritten.set(value, text);
  return value;
}

/**
 * A value as the text of a json column.
 *
 * @throws TidegateError `TIDEGATE_POSTGRES_ROW` where JSON would lose or change something.
 */
export function jsonText(value: unknown): string {
  const json = exactJson(value);
  const text = json.kind === 'text' ? json.text : print(value, '', 0);
  if (typeof value !== 'object' || value === null) return text;
  const written = asWritten.get(value);
  // A value that was changed since is written as it is now.
  if (written === undefined) return text;
  const unchanged = parseJson(written);
  return print(unchanged, '', 0) === print(value, '', 0) ? written : text;
}

function isExactNumber(text: string): boolean {
  if (text.length <= 15 && /^(?:0|-?[1-9]\d*)$/.test(text)) return true;
  return String(Number(text)) === text;
}

function exactNumber(text: string): bigint | JsonText {
  return /^-?[1-9]\d*$/.test(text) ? BigInt(text) : new JsonText(text);
}

const deepest = 500;

function print(value: unknown, path: string, depth: number): string {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof JsonText) return value.text;
  if (depth > deepest) throw misfit(`is nested more than ${deepest} deep, or holds itself`);
  if (Array.isArray(value)) {
    const elements = Array.from(value, (element: unknown, index) =>
      print(element, `${path}[${index}]`, depth + 1),
    );
    return `[${elements.join(',')}]`;
  }
  if (isPlainObject(value)) {
    const members = Object.entries(value).map(
      ([name, member]) =>
        `${JSON.stringify(name)}:${print(member, `${path}.${name.slice(0, 60)}`, depth + 1)}`,
    );
    return `{${members.join(',')}}`;
  }
  const json = exactJson(value);
  if (json.kind === 'text') return json.text;
  throw misfit(`was given JSON that would be changed: ${json.loss.replace(/^it/, path || 'it')}`);
}

/** By the length of the chain of prototypes, not by identity: it may come from another realm. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function misfit(what: string): TidegateError {
  return new TidegateError('TIDEGATE_POSTGRES_ROW', `a json value ${what}`);
}
