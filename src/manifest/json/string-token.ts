// One JSON string: from the opening quote to the closing one, escapes resolved.

export type StringToken =
  | { readonly kind: 'good'; readonly value: string; readonly end: number }
  | {
      readonly kind: 'bad';
      readonly index: number;
      readonly found: string;
      readonly expected: string;
      /** The escape is half of a surrogate pair: text that no UTF-8 can hold. */
      readonly surrogate?: boolean;
    };

const quote = 0x22;
const backslash = 0x5c;
const firstPrintable = 0x20;

const simpleEscapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/** Reads the string whose opening quote is at `start`. */
export function readStringToken(text: string, start: number): StringToken {
  let value = '';
  let from = start + 1;
  let index = from;
  for (;;) {
    const unit = text.charCodeAt(index);
    if (unit === quote)
      return { kind: 'good', value: value + text.slice(from, index), end: index + 1 };
    if (Number.isNaN(unit)) return bad(index, 'the end of the document', 'a closing quote');
    if (unit < firstPrintable) {
      return bad(index, `control character U+${hex(unit)}`, 'it as an escape');
    }
    if (unit !== backslash) {
      index++;
      continue;
    }
    const escape = readEscape(text, index);
    if (escape.kind === 'bad') return escape;
    value += text.slice(from, index) + escape.value;
    index = from = escape.end;
  }
}

function readEscape(text: string, index: number): StringToken {
  const letter = text[index + 1];
  if (letter === undefined) return bad(index, 'the end of the document', 'a complete escape');
  const simple = simpleEscapes.get(letter);
  if (simple !== undefined) return { kind: 'good', value: simple, end: index + 2 };
  if (letter !== 'u') return bad(index, JSON.stringify(`\\${letter}`), 'a JSON escape');
  const unit = readHex(text, index + 2);
  if (unit === undefined) return bad(index, '"\\u" without four hex digits', 'a JSON escape');
  const isHigh = unit >= 0xd800 && unit <= 0xdbff;
  if (!isHigh && (unit < 0xdc00 || unit > 0xdfff)) {
    return { kind: 'good', value: String.fromCharCode(unit), end: index + 6 };
  }
  const low = text.startsWith('\\u', index + 6) ? readHex(text, index + 8) : undefined;
  if (!isHigh || low === undefined || low < 0xdc00 || low > 0xdfff) {
    return { ...bad(index, `half of a surrogate pair, U+${hex(unit)}`, 'both'), surrogate: true };
  }
  return { kind: 'good', value: String.fromCharCode(unit, low), end: index + 12 };
}

function readHex(text: string, start: number): number | undefined {
  const digits = text.slice(start, start + 4);
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

function hex(unit: number): string {
  return unit.toString(16).toUpperCase().padStart(4, '0');
}

function bad(
  index: number,
  found: string,
  expected: string,
): Extract<StringToken, { kind: 'bad' }> {
  return { kind: 'bad', index, found, expected };
}
