// UTF-8 where JavaScript's strings differ from it: order of keys, byte columns, invalid bytes.

/**
 * Orders strings by their UTF-8 bytes, as Rust and SHA-256 see them. JavaScript's own order is by
 * UTF-16 units and puts surrogate pairs (U+10000 and up) before U+E000 to U+FFFF.
 */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return codePointRank(a) - codePointRank(b);
  }
  return left.length - right.length;
}

/** Moves surrogates above the rest of the basic plane, where their code points belong. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Entries by the UTF-8 bytes of their names. What tidegate wrote is sorted already. */
export function sortedByUtf8<Value>(map: ReadonlyMap<string, Value>): readonly [string, Value][] {
  const entries = [...map];
  let previous: string | undefined;
  for (const [name] of entries) {
    if (previous !== undefined && compareUtf8(previous, name) >= 0) {
      return entries.sort(([a], [b]) => compareUtf8(a, b));
    }
    previous = name;
  }
  return entries;
}

/** Byte offset of the first byte that no UTF-8 text can have there; -1 when all are good. */
export function firstInvalidUtf8(bytes: Uint8Array): number {
  let offset = 0;
  while (offset < bytes.length) {
    const length = sequenceLength(bytes, offset);
    if (length === 0) return offset;
    offset += length;
  }
  return -1;
}

/** Length of the well-formed sequence at an offset (RFC 3629, table of section 4); 0 if none. */
function sequenceLength(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset] ?? 0;
  if (first < 0x80) return 1;
  const second = bytes[offset + 1] ?? 0;
  const tail = (index: number): boolean => ((bytes[offset + index] ?? 0) & 0xc0) === 0x80;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const low = first === 0xe0 ? 0xa0 : 0x80;
    const high = first === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const low = first === 0xf0 ? 0x90 : 0x80;
    const high = first === 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}
