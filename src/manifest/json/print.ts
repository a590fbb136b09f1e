// From a JSON tree to text: two-space for people and files, canonical for comparing and hashing.

import { sortedByUtf8 } from './utf8.js';
import { isJsonArray, isJsonObject, type JsonNumber, type JsonValue } from './value.js';

/** As serde_json's pretty printer writes: two spaces, `{}` and `[]` when empty. */
export function printPretty(value: JsonValue, lineBreak = '\n'): string {
  const inner = `${lineBreak}  `;
  let text = '';
  if (isJsonArray(value)) {
    for (const element of value) text += separator(text, '[') + inner + printPretty(element, inner);
    return text === '' ? '[]' : `${text}${lineBreak}]`;
  }
  if (isJsonObject(value)) {
    for (const [name, member] of value) {
      text += `${separator(text, '{')}${inner}${quoted(name)}: ${printPretty(member, inner)}`;
    }
    return text === '' ? '{}' : `${text}${lineBreak}}`;
  }
  return printScalar(value);
}

/** Compact, names sorted by their UTF-8 bytes: equal documents have equal text. */
export function printCanonical(value: JsonValue): string {
  let text = '';
  if (isJsonArray(value)) {
    for (const element of value) text += separator(text, '[') + printCanonical(element);
    return text === '' ? '[]' : `${text}]`;
  }
  if (isJsonObject(value)) {
    for (const [name, member] of sortedByUtf8(value)) {
      text += `${separator(text, '{')}${quoted(name)}:${printCanonical(member)}`;
    }
    return text === '' ? '{}' : `${text}}`;
  }
  return printScalar(value);
}

/** What stands before an element: the opening bracket, or a comma. */
function separator(textSoFar: string, bracket: '[' | '{'): string {
  return textSoFar === '' ? bracket : ',';
}

function printScalar(value: null | boolean | string | JsonNumber): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'object' && value !== null) return value.numberText;
  return String(value);
}

/** Everything that JSON has to escape; well-formed text needs nothing else. */
const needsEscape = /["\\]|[^\u0020-\uffff]/;

/** Most strings need no escape, and looking is cheaper than letting `JSON.stringify` copy them. */
function quoted(text: string): string {
  return needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`;
}
