// A fingerprint of the part of a file before an offset, so that the offset is used for no other.

import { createHash, type Hash } from 'node:crypto';
import type { ReadableFile } from '../../../runtime/file-system.js';

// Of each MiB the first 4 KiB, and the last 4 KiB before the offset. Reading pays next to nothing for
// it, and going back to an offset at one gigabyte reads four megabytes. A file that was replaced,
// sorted anew, or had bytes put in or taken out anywhere before the offset differs in one of these
// places. A change in place between two samples, of the same length, is not seen: it does not move
// the records behind it.
const sampleStride = 1_048_576;
const sampleLength = 4_096;
const tailLength = 4_096;

/** Follows a reading from some offset on. */
export class Fingerprint {
  readonly #samples: Hash;
  #tail: Buffer;
  #byteOffset: number;

  private constructor(byteOffset: number, samples: Hash, tail: Buffer) {
    this.#byteOffset = byteOffset;
    this.#samples = samples;
    this.#tail = tail;
  }

  static atStart(): Fingerprint {
    return new Fingerprint(0, createHash('sha256'), Buffer.alloc(0));
  }

  /** Reads what is needed of the file before `byteOffset`, which it must reach. */
  static async at(file: ReadableFile, byteOffset: number): Promise<Fingerprint> {
    const samples = createHash('sha256');
    for (let start = 0; start < byteOffset; start += sampleStride) {
      samples.update(await readRange(file, start, Math.min(start + sampleLength, byteOffset)));
    }
    const tail = await readRange(file, Math.max(0, byteOffset - tailLength), byteOffset);
    return new Fingerprint(byteOffset, samples, tail);
  }

  /** The bytes that follow. */
  advance(bytes: Buffer): void {
    const start = this.#byteOffset;
    const end = start + bytes.byteLength;
    let sample = Math.floor(start / sampleStride) * sampleStride;
    for (; sample < end; sample += sampleStride) {
      const from = Math.max(sample, start);
      const to = Math.min(sample + sampleLength, end);
      if (from < to) this.#samples.update(bytes.subarray(from - start, to - start));
    }
    const joined = bytes.byteLength >= tailLength ? bytes : Buffer.concat([this.#tail, bytes]);
    // Copied: the bytes belong to a buffer that is filled again.
    this.#tail = Buffer.from(joined.subarray(-tailLength));
    this.#byteOffset = end;
  }

  toString(): string {
    return this.#samples.copy().update(this.#tail).digest('hex');
  }
}

async function readRange(file: ReadableFile, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  const readBytes = await file.read(bytes, start);
  return bytes.subarray(0, readBytes);
}
