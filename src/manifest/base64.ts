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

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const padding = '='.charCodeAt(0);

/** The first thing wrong with a text that is not base64, in the words of the Rust crate. */
function diagnose(text: Uint8Array): string {
  let symbolsEnd = text.length;
  while (symbolsEnd > 0 && text.length - symbolsEnd < 2 && text[symbolsEnd - 1] === padding) {
    symbolsEnd--;
  }
  for (let offset = 0; offset < symbolsEnd; offset++) {
    const symbol = text[offset] ?? 0;
    if (!alphabet.includes(String.fromCharCode(symbol))) {
      return `Invalid symbol ${symbol}, offset ${offset}.`;
    }
  }
  if (symbolsEnd % 4 === 1) return `Invalid input length: ${text.length}`;
  if (text.length % 4 !== 0) return 'Invalid padding';
  if (symbolsEnd % 4 === 0) return `Invalid symbol ${padding}, offset ${symbolsEnd}.`;
  return `Invalid last symbol ${text[symbolsEnd - 1] ?? 0}, offset ${symbolsEnd - 1}.`;
}
