// Which virtual node a key belongs to.

import murmurhash from 'murmurhash';

/** Room for the bytes of short keys of plain ASCII, which need no encoder. */
const scratch = new Uint8Array(128);
/** By length: making a view costs more than hashing a short key. */
const views = Array.from({ length: scratch.length + 1 }, (_, length) =>
  scratch.subarray(0, length),
);

/**
 * MurmurHash3 (x86, 32 bits, seed 0) of the key's UTF-8 bytes, modulo the count. Written into every
 * saved state: another function would map keys to other nodes, so it never changes.
 */
export function vnodeOf(key: string, vnodeCount: number): number {
  return murmurhash.v3(asciiBytes(key) ?? key, 0) % vnodeCount;
}

/** Undefined for a key that is long or not ASCII; the bytes are good until the next call. */
function asciiBytes(key: string): Uint8Array | undefined {
  const { length } = key;
  if (length > scratch.length) return undefined;
  for (let index = 0; index < length; index++) {
    const unit = key.charCodeAt(index);
    if (unit > 0x7f) return undefined;
    scratch[index] = unit;
  }
  return views[length];
}
