// From a JSON tree to text: two-space for people and files, canonical for comparing and hashing.

import { compareUtf8 } from './utf8.js';
import { isJsonArray, isJsonObject, type JsonNumber, type JsonValue } from './value.js';

/** As serde_json's pretty printer writes: two spaces, `{}` and `[]` when empty. */
export function printPretty(value: JsonValue, indent = ''): string {
  const inner = `${indent}  `;
  if (isJsonArray(value)) {
    const elements = value.map((element) => inner + printPretty(element, inner));
    return elements.length === 0 ? '[]' : `[\n${elements.join(',\n')}\n${indent}]`;
  }
  if (isJsonObject(value)) {
    const members: string[] = [];
    for (const [name, member] of value) {
      members.push(`${inner}${JSON.stringify(name)}: ${printPretty(member, inner)}`);
    }
    return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n${indent}}`;
  }
  return printScalar(value);
}

/** Compact, names sorted by their UTF-8 bytes: equal documents have equal text. */
export function printCanonical(value: JsonValue): string {
  if (isJsonArray(value)) return `[${value.map(printCanonical).join(',')}]`;
  if (isJsonObject(value)) {
    const sorted = [...value].sort(([a], [b]) => compareUtf8(a, b));
    const members = sorted.map(([name, member]) => memberText(name, member));
    return `{${members.join(',')}}`;
  }
  return printScalar(value);
}

function memberText(name: string, member: JsonValue): string {
  return `${JSON.stringify(name)}:${printCanonical(member)}`;
}

function printScalar(value: null | boolean | string | JsonNumber): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return value.numberText;
  return String(value);
}
