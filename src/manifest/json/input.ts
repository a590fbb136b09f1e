// From bytes to text: the size limit and the encoding, checked before anything is parsed.

import { excerpt, ManifestError, type ManifestPosition } from '../manifest-error.js';
import { firstInvalidUtf8 } from './utf8.js';

const byteOrderMark = 0xfeff;

/** The text of a document, well-formed throughout; throws a `ManifestError` otherwise. */
export function decodeInput(input: Uint8Array | string, maxBytes: number): string {
  const byteLength = typeof input === 'string' ? Buffer.byteLength(input) : input.byteLength;
  refuseAboveLimit(byteLength, maxBytes);
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  if (text.charCodeAt(0) === byteOrderMark) {
    refuseEncoding({ line: 1, column: 1 }, 'a byte order mark', 'UTF-8 without one');
  }
  if (!text.isWellFormed()) {
    const intact = text.toWellFormed();
    let index = 0;
    while (text.charCodeAt(index) === intact.charCodeAt(index)) index++;
    refuseEncoding(positionAt(text, index), 'half of a surrogate pair', 'well-formed text');
  }
  return text;
}

/** Size is refused before memory is spent on it, and alike on the way in and on the way out. */
export function refuseAboveLimit(byteLength: number, maxBytes: number): void {
  if (byteLength <= maxBytes) return;
  throw new ManifestError('TIDEGATE_MANIFEST_TOO_LARGE', {
    path: '',
    found: `${byteLength} bytes`,
    expected: `at most ${maxBytes} bytes`,
  });
}

/** Line, and column in bytes, of a character index. */
export function positionAt(text: string, index: number): ManifestPosition {
  let line = 1;
  let lineStart = 0;
  for (
    let end = text.indexOf('\n');
    end !== -1 && end < index;
    end = text.indexOf('\n', lineStart)
  ) {
    line++;
    lineStart = end + 1;
  }
  return { line, column: Buffer.byteLength(text.slice(lineStart, index)) + 1 };
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const offset = firstInvalidUtf8(bytes);
    const byte = bytes[offset] ?? 0;
    const found = `byte 0x${byte.toString(16).padStart(2, '0')} at offset ${offset}`;
    return refuseEncoding(bytePosition(bytes, offset), found, 'UTF-8');
  }
}

function bytePosition(bytes: Uint8Array, offset: number): ManifestPosition {
  let line = 1;
  let lineStart = 0;
  for (let index = 0; index < offset; index++) {
    if (bytes[index] !== 0x0a) continue;
    line++;
    lineStart = index + 1;
  }
  return { line, column: offset - lineStart + 1 };
}

function refuseEncoding(position: ManifestPosition, found: string, expected: string): never {
  throw new ManifestError('TIDEGATE_MANIFEST_ENCODING', {
    path: '',
    found: excerpt(found),
    expected,
    position,
  });
}
