// Murmur2 as Java's Kafka client has it, so that topics written by both are co-partitioned.
//
// Algorithm: Austin Appleby's MurmurHash2 (public domain), with the seed of org.apache.kafka.common.utils.Utils.

const seed = 0x9747b28c;
const mix = 0x5bd1e995;

/** Partition of a key, 0 to `count` - 1. */
export function partitionOf(key: Buffer, count: number): number {
  return (murmur2(key) & 0x7fffffff) % count;
}

/** A signed 32-bit hash. */
export function murmur2(data: Buffer): number {
  const { length } = data;
  const whole = length - (length % 4);
  let hash = seed ^ length;
  for (let index = 0; index < whole; index += 4) {
    let word = Math.imul(data.readInt32LE(index), mix);
    word = Math.imul(word ^ (word >>> 24), mix);
    hash = Math.imul(hash, mix) ^ word;
  }
  const left = length - whole;
  if (left > 0) hash = Math.imul(hash ^ data.readUIntLE(whole, left), mix);
  hash = Math.imul(hash ^ (hash >>> 13), mix);
  return hash ^ (hash >>> 15);
}
