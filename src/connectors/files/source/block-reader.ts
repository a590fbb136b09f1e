// Reads a file in blocks that end where a record ends, in one buffer that is used again and again.

import { TidegateError } from '../../../errors.js';
import type { ReadableFile } from '../../../runtime/file-system.js';
import { toFilesError } from '../files-error.js';
import { changed } from './opened-file.js';
import type { RecordFormat } from './record-format.js';

/** Whole records; the bytes are good until the next block is asked for. */
export interface Block {
  readonly byteOffset: number;
  readonly bytes: Buffer;
  /** Ends of the records in `bytes`. */
  readonly ends: readonly number[];
  /** It holds nothing but the mark or the header that the file begins with. */
  readonly isHeader: boolean;
}

const blockBytes = 262_144;

export class BlockReader {
  readonly #file: ReadableFile;
  readonly #path: string;
  readonly #format: RecordFormat<unknown>;
  readonly #maxRecordBytes: number;
  #buffer: Buffer;

  constructor(
    file: ReadableFile,
    path: string,
    format: RecordFormat<unknown>,
    maxRecordBytes: number,
  ) {
    this.#file = file;
    this.#path = path;
    this.#format = format;
    this.#maxRecordBytes = maxRecordBytes;
    this.#buffer = Buffer.alloc(Math.min(blockBytes, maxRecordBytes));
  }

  /** The first record of the file, without a byte order mark. */
  async header(): Promise<Buffer> {
    const signal = new AbortController().signal;
    const mark = await this.#markLength();
    for await (const { bytes, ends } of this.#records(mark, this.#file.byteLength, signal)) {
      return Buffer.from(bytes.subarray(0, ends[0]));
    }
    return Buffer.alloc(0);
  }

  /** The blocks from one offset, which is the start of a record or of the file, to another. */
  async *read(start: number, end: number, signal: AbortSignal): AsyncGenerator<Block> {
    let from = start;
    if (start === 0) {
      const head = await this.#head(end);
      if (head.byteLength > 0) {
        yield { byteOffset: 0, bytes: head, ends: [head.byteLength], isHeader: true };
      }
      from = head.byteLength;
    }
    yield* this.#records(from, end, signal);
  }

  async *#records(start: number, end: number, signal: AbortSignal): AsyncGenerator<Block> {
    let byteOffset = start;
    let filled = 0;
    while (byteOffset < end) {
      signal.throwIfAborted();
      filled = await this.#fill(byteOffset, filled, end);
      const isLast = byteOffset + filled === end;
      const ends = this.#format.ends(this.#buffer.subarray(0, filled), isLast);
      const used = ends.at(-1) ?? 0;
      if (used === 0) {
        this.#grow(byteOffset);
        continue;
      }
      yield { byteOffset, bytes: this.#buffer.subarray(0, used), ends, isHeader: false };
      this.#buffer.copyWithin(0, used, filled);
      byteOffset += used;
      filled -= used;
    }
  }

  /** What stands before the first record: the byte order mark and the header. */
  async #head(end: number): Promise<Buffer> {
    const mark = await this.#markLength();
    const header = this.#format.hasHeader ? (await this.header()).byteLength : 0;
    const head = Buffer.alloc(Math.min(mark + header, end));
    await this.#file.read(head, 0);
    return head;
  }

  async #markLength(): Promise<number> {
    const bytes = Buffer.alloc(3);
    const readBytes = await this.#file.read(bytes, 0);
    const hex = bytes.subarray(0, readBytes).toString('hex');
    if (hex.startsWith('fffe') || hex.startsWith('feff')) {
      throw new TidegateError(
        'TIDEGATE_SOURCE_ENCODING',
        `${this.#path}, byte 0: it begins with the mark of UTF-16`,
        { details: { path: this.#path, byteOffset: 0 } },
      );
    }
    return hex === 'efbbbf' ? 3 : 0;
  }

  async #fill(byteOffset: number, filled: number, end: number): Promise<number> {
    const wanted = Math.min(this.#buffer.byteLength - filled, end - byteOffset - filled);
    const target = this.#buffer.subarray(filled, filled + wanted);
    try {
      const readBytes = await this.#file.read(target, byteOffset + filled);
      if (readBytes === wanted) return filled + wanted;
    } catch (error) {
      throw toFilesError(error, `reading ${this.#path}`);
    }
    throw changed(this.#path, `shrank while it was read, to less than ${end} bytes`);
  }

  /** A record that is longer than the buffer: memory stays bounded. */
  #grow(byteOffset: number): void {
    const { byteLength } = this.#buffer;
    if (byteLength >= this.#maxRecordBytes) {
      throw new TidegateError(
        'TIDEGATE_SOURCE_RECORD',
        `${this.#path}, byte ${byteOffset}: a record is longer than maxRecordBytes, ` +
          String(this.#maxRecordBytes),
        { details: { path: this.#path, byteOffset } },
      );
    }
    const larger = Buffer.alloc(Math.min(byteLength * 2, this.#maxRecordBytes));
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }
}
