// Which virtual node a key belongs to.

import murmurhash from 'murmurhash';

/**
 * MurmurHash3 (x86, 32 bits, seed 0) of the key's UTF-8 bytes, modulo the count. Written into every
 * saved state: another function would map keys to other nodes, so it never changes.
 */
export function vnodeOf(key: string, vnodeCount: number): number {
  return murmurhash.v3(key, 0) % vnodeCount;
}
