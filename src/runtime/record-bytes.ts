// About how much memory records take: enough to bound a queue, cheap enough for each batch.

/** Records of a batch that are measured when they look small; all are when one of them is not. */
const sampledRecords = 16;
/** A record from here on is large, and those near it are measured too. */
const largeBytes = 2_048;
/** Values that are looked at in one record, however it is nested. */
const maxValues = 256;
const maxDepth = 8;
/** Of an object or an array, and of each of its members. */
const objectBytes = 24;
const memberBytes = 8;

/**
 * Bytes that these records keep in memory, estimated: a character counts as one byte, a number as
 * eight, a buffer as its length. Of a batch of small records a sample is measured, so that one large
 * record among many small ones may be missed; texts and buffers themselves are all measured. What a
 * record shares with another counts in both.
 */
export function bytesOf(records: readonly unknown[]): number {
  const { length } = records;
  if (length <= sampledRecords || isPlain(records[0])) return sumOf(records);
  const stride = Math.floor(length / sampledRecords);
  let sampled = 0;
  for (let sample = 0; sample < sampledRecords; sample++) {
    const bytes = bytesOfRecord(records[sample * stride]);
    if (bytes >= largeBytes) return sumOf(records);
    sampled += bytes;
  }
  return Math.ceil((sampled / sampledRecords) * length);
}

/** Of one record; what lies beyond 256 values or eight levels counts as what was looked at. */
export function bytesOfRecord(record: unknown): number {
  if (typeof record === 'string') return record.length + objectBytes;
  if (typeof record !== 'object' || record === null) return memberBytes;
  looked = 0;
  return measured(record, maxDepth);
}

/** Bytes of records that come one by one: one in sixteen is measured, large ones all. */
export class BytesMeter {
  #bytes = 0;
  #count = 0;
  #last = 0;

  /** Bytes of all records so far. */
  add(record: unknown): number {
    if (this.#count % sampledRecords === 0 || this.#last >= largeBytes || isPlain(record)) {
      this.#last = bytesOfRecord(record);
    }
    this.#count += 1;
    this.#bytes += this.#last;
    return this.#bytes;
  }

  reset(): void {
    this.#bytes = 0;
    this.#count = 0;
  }
}

/** Values that were looked at in the record that is being measured; nothing waits meanwhile. */
let looked = 0;

/** Measured at no cost. */
function isPlain(record: unknown): boolean {
  return typeof record !== 'object' || record === null || ArrayBuffer.isView(record);
}

function sumOf(records: readonly unknown[]): number {
  let sum = 0;
  for (const record of records) sum += bytesOfRecord(record);
  return sum;
}

function measured(value: unknown, depth: number): number {
  if (typeof value === 'string') return value.length + memberBytes;
  if (typeof value !== 'object' || value === null) return memberBytes;
  if (ArrayBuffer.isView(value)) return value.byteLength + objectBytes;
  if (depth === 0) return objectBytes;
  if (Array.isArray(value)) return objectBytes + measuredEach(value, value.length, depth);
  if (value instanceof Map) return objectBytes + measuredEach(value.entries(), value.size, depth);
  if (value instanceof Set) return objectBytes + measuredEach(value, value.size, depth);
  if (value instanceof ArrayBuffer) return value.byteLength + objectBytes;
  return objectBytes + measuredMembers(value, depth);
}

function measuredEach(values: Iterable<unknown>, size: number, depth: number): number {
  let bytes = 0;
  let count = 0;
  for (const value of values) {
    if (looked >= maxValues) break;
    looked += 1;
    count += 1;
    bytes += measured(value, depth - 1);
  }
  return count === 0 ? size * memberBytes : Math.ceil((bytes / count) * size);
}

function measuredMembers(value: object, depth: number): number {
  let bytes = 0;
  try {
    for (const name in value) {
      if (looked >= maxValues) break;
      looked += 1;
      bytes += memberBytes + measured((value as Record<string, unknown>)[name], depth - 1);
    }
  } catch {
    // A member that cannot be read: the user of the record reports it.
  }
  return bytes;
}
