// Strict standard base64: padding required, trailing bits zero, nothing that Buffer would forgive.

export type Base64Result =
  | { readonly kind: 'decoded'; readonly bytes: Uint8Array }
  | { readonly kind: 'corrupt'; readonly problem: string };

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** Every byte string has exactly one spelling: a text is valid when encoding gives it back. */
export function decodeBase64(text: string): Base64Result {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return { kind: 'decoded', bytes };
  return { kind: 'corrupt', problem: diagnose(Buffer.from(text)) };
}

const alphabet = /^[A-Za-z0-9+/]$/;
const padding = '='.charCodeAt(0);

/**
 * The first thing wrong with a text that is not base64, in the order and in the words
 * of the Rust crate base64 0.22, so that the same corruption reads the same in both programs.
 */
function diagnose(text: Uint8Array): string {
  const last = text.length - 1;
  const rest = text.length % 4;
  if (rest === 1 && text[last] !== padding && !isSymbol(text[last])) return symbolAt(text, last);
  const groupStart = text.length - (rest === 0 ? 4 : rest);
  for (let offset = 0; offset < groupStart; offset++) {
    if (!isSymbol(text[offset])) return symbolAt(text, offset);
  }
  return diagnoseLastGroup(text, groupStart);
}

/** The last one to four bytes: the only place for padding and unused bits. */
function diagnoseLastGroup(text: Uint8Array, start: number): string {
  const group = text.subarray(start);
  const firstPadding = group.indexOf(padding);
  const symbolCount = firstPadding === -1 ? group.length : firstPadding;
  for (let index = 0; index < symbolCount; index++) {
    if (!isSymbol(group[index])) return symbolAt(text, start + index);
  }
  const hasSymbolsAfterPadding = group.subarray(symbolCount).some((byte) => byte !== padding);
  if (firstPadding !== -1 && (symbolCount < 2 || hasSymbolsAfterPadding)) {
    return symbolAt(text, start + firstPadding);
  }
  if (symbolCount < 2) return `Invalid input length: ${start + symbolCount}`;
  if (group.length !== 4) return 'Invalid padding';
  const lastSymbol = start + symbolCount - 1;
  return `Invalid last symbol ${text[lastSymbol] ?? 0}, offset ${lastSymbol}.`;
}

function isSymbol(byte: number | undefined): boolean {
  return byte !== undefined && alphabet.test(String.fromCharCode(byte));
}

function symbolAt(text: Uint8Array, offset: number): string {
  return `Invalid symbol ${text[offset] ?? 0}, offset ${offset}.`;
}
