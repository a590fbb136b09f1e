// A strict JSON reader that its caller steers: exact numbers, no duplicates, every error with a place.

import { excerpt, formatPath, ManifestError, type ManifestErrorCode } from '../manifest-error.js';
import { positionAt } from './input.js';
import { readStringToken } from './string-token.js';
import type { JsonNumber, JsonValue } from './value.js';

/** Nesting that no manifest needs: refused long before a stack could overflow. */
export const maxDepth = 512;

const numberToken = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/**
 * Reads one document from front to back. Each `read…` call takes one value and leaves the reader
 * behind it. The syntax is RFC 8259, and of that only text in which no name stands twice in an
 * object and no escape makes half of a surrogate pair.
 */
export class JsonReader {
  readonly #text: string;
  readonly #path: (string | number)[] = [];
  #index = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Index of the next value: for an error about a value that was read in full. */
  mark(): number {
    this.#skipWhiteSpace();
    return this.#index;
  }

  /** Calls back for each member, which must read its value. */
  readObject(expected: string, onMember: (name: string, nameIndex: number) => void): void {
    this.#open('{', expected);
    if (this.#closes('}')) return;
    const names = new Set<string>();
    do {
      const nameIndex = this.mark();
      const name = this.readString('a name in double quotes');
      if (names.has(name)) this.failDuplicate(name, nameIndex);
      names.add(name);
      this.#expect(':');
      this.#path.push(name);
      onMember(name, nameIndex);
      this.#path.pop();
    } while (this.#continues('}'));
  }

  readArray(expected: string, onElement: () => void): void {
    this.#open('[', expected);
    if (this.#closes(']')) return;
    let position = 0;
    do {
      this.#path.push(position++);
      onElement();
      this.#path.pop();
    } while (this.#continues(']'));
  }

  readString(expected: string): string {
    const start = this.mark();
    if (this.#text[start] !== '"') this.failFound(expected);
    const token = readStringToken(this.#text, start);
    if (token.kind === 'bad') {
      const code = token.surrogate ? 'TIDEGATE_MANIFEST_ENCODING' : 'TIDEGATE_MANIFEST_SYNTAX';
      return this.fail(code, token.index, token.found, token.expected);
    }
    this.#index = token.end;
    return token.value;
  }

  /** The text of a number, in the spelling that it has in the document. */
  readNumberText(expected: string): string {
    const start = this.mark();
    numberToken.lastIndex = start;
    const text = numberToken.exec(this.#text)?.[0];
    if (text === undefined) return this.failFound(expected);
    const next = this.#text.charCodeAt(start + text.length);
    if (isWordCharacter(next)) {
      this.fail('TIDEGATE_MANIFEST_SYNTAX', start, this.#foundAt(start), 'a JSON number');
    }
    this.#index = start + text.length;
    return text;
  }

  /** Takes `null`, `true` or `false` if it is next. */
  takeLiteral(literal: 'null' | 'true' | 'false'): boolean {
    const start = this.mark();
    if (!this.#text.startsWith(literal, start)) return false;
    if (isWordCharacter(this.#text.charCodeAt(start + literal.length))) return false;
    this.#index = start + literal.length;
    return true;
  }

  /** Any value, kept exactly. */
  readValue(): JsonValue {
    switch (this.#text[this.mark()]) {
      case '{':
        return this.#readUnknownObject();
      case '[': {
        const elements: JsonValue[] = [];
        this.readArray('an array', () => elements.push(this.readValue()));
        return elements;
      }
      case '"':
        return this.readString('a string');
      default:
        return this.#readUnknownScalar();
    }
  }

  /** Nothing but white space may follow the document. */
  expectEnd(): void {
    const index = this.mark();
    if (index < this.#text.length) {
      this.fail('TIDEGATE_MANIFEST_SYNTAX', index, this.#foundAt(index), 'the end of the document');
    }
  }

  nextIs(character: string): boolean {
    return this.#text[this.mark()] === character;
  }

  failDuplicate(name: string, index: number): never {
    const found = `the name ${excerpt(JSON.stringify(name))} a second time`;
    return this.fail('TIDEGATE_MANIFEST_DUPLICATE_FIELD', index, found, 'each name once');
  }

  /** The next value is not what the field takes; broken syntax and a wrong type have different errors. */
  failFound(expected: string): never {
    const index = this.mark();
    const first = this.#text[index];
    const isValue = first !== undefined && (/["{[]/.test(first) || this.#isScalarAt(index));
    const code = isValue ? 'TIDEGATE_MANIFEST_TYPE' : 'TIDEGATE_MANIFEST_SYNTAX';
    return this.fail(code, index, this.#foundAt(index), expected);
  }

  fail(code: ManifestErrorCode, index: number, found: string, expected: string): never {
    throw new ManifestError(code, {
      path: formatPath(this.#path),
      found,
      expected,
      position: positionAt(this.#text, index),
    });
  }

  #readUnknownObject(): JsonValue {
    const members = new Map<string, JsonValue>();
    this.readObject('an object', (name) => members.set(name, this.readValue()));
    return members;
  }

  #readUnknownScalar(): JsonValue {
    if (this.takeLiteral('null')) return null;
    if (this.takeLiteral('true')) return true;
    if (this.takeLiteral('false')) return false;
    const number: JsonNumber = { numberText: this.readNumberText('a JSON value') };
    return number;
  }

  #open(bracket: '{' | '[', expected: string): void {
    const index = this.mark();
    if (this.#text[index] !== bracket) this.failFound(expected);
    if (this.#path.length >= maxDepth) {
      const found = `nesting below level ${maxDepth}`;
      this.fail('TIDEGATE_MANIFEST_TOO_DEEP', index, found, `at most ${maxDepth} levels`);
    }
    this.#index = index + 1;
  }

  #closes(bracket: '}' | ']'): boolean {
    if (!this.nextIs(bracket)) return false;
    this.#index++;
    return true;
  }

  /** After an element: a comma and more, or the closing bracket. */
  #continues(bracket: '}' | ']'): boolean {
    if (this.#closes(bracket)) return false;
    this.#expect(',', `"," or "${bracket}"`);
    return true;
  }

  #expect(character: string, expected = `"${character}"`): void {
    const index = this.mark();
    if (this.#text[index] !== character) {
      this.fail('TIDEGATE_MANIFEST_SYNTAX', index, this.#foundAt(index), expected);
    }
    this.#index = index + 1;
  }

  #isScalarAt(index: number): boolean {
    const word = /[-+.\w]*/y;
    word.lastIndex = index;
    const token = word.exec(this.#text)?.[0] ?? '';
    numberToken.lastIndex = index;
    return /^(?:null|true|false)$/.test(token) || numberToken.exec(this.#text)?.[0] === token;
  }

  #foundAt(index: number): string {
    if (index >= this.#text.length) return 'the end of the document';
    const token = /"(?:[^"\\]|\\.)*"?|[-+.\w]+|[^]/uy;
    token.lastIndex = index;
    return excerpt(token.exec(this.#text.slice(0, index + 200))?.[0] ?? '');
  }

  #skipWhiteSpace(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#index);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#index++;
    }
  }
}

/** A letter, digit or sign directly behind a token means that the token is not what it seems. */
function isWordCharacter(unit: number): boolean {
  return (
    (unit >= 0x30 && unit <= 0x39) ||
    (unit >= 0x41 && unit <= 0x5a) ||
    (unit >= 0x61 && unit <= 0x7a) ||
    unit === 0x5f ||
    unit === 0x2b ||
    unit === 0x2d ||
    unit === 0x2e
  );
}
