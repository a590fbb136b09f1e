// The output of the open epoch: encoded into a buffer, written to one staged file, hashed on the way.

import { createHash } from 'node:crypto';
import { TidegateError } from '../../errors.js';
import {
  briefly,
  type FileSystem,
  type Visibility,
  type WritableFile,
} from '../../runtime/file-system.js';

/** What a finished epoch holds. */
export interface EpochFacts {
  readonly path: string;
  readonly byteLength: number;
  readonly sha256: string;
  readonly recordCount: number;
}

/** Methods are called one at a time. */
export class StagedOutput {
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  readonly #visibility: Visibility;
  readonly #hash = createHash('sha256');
  #file: WritableFile | undefined;
  /** Encoded and not yet written: whole chunks, then text that is not yet bytes. */
  #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  #text = '';
  #byteLength = 0;
  #recordCount = 0;
  #isAbandoned = false;

  constructor(fileSystem: FileSystem, path: string, visibility: Visibility) {
    this.#fileSystem = fileSystem;
    this.#path = path;
    this.#visibility = visibility;
  }

  get recordCount(): number {
    return this.#recordCount;
  }

  /** At least the bytes that wait to be written: a character of text is one byte or more. */
  get bufferedBytes(): number {
    return this.#chunkBytes + this.#text.length;
  }

  add(encoded: string | Uint8Array): void {
    this.#recordCount += 1;
    if (typeof encoded === 'string') {
      this.#text += encoded;
      return;
    }
    this.#settleText();
    // Copied: the caller may use its buffer again.
    this.#push(encoded.slice());
  }

  /** Writes what is buffered. */
  async flush(): Promise<void> {
    this.#settleText();
    const [only] = this.#chunks;
    if (only === undefined) return;
    const bytes = this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks, this.#chunkBytes);
    this.#chunks = [];
    this.#chunkBytes = 0;
    this.#hash.update(bytes);
    this.#byteLength += bytes.byteLength;
    this.#file ??= await this.#create();
    await this.#file.write(bytes);
  }

  /**
   * Everything is on the disk; only the name is not.
   *
   * @param trailer Text behind the records, which is not part of their digest.
   */
  finish(trailer?: (facts: EpochFacts) => string): Promise<EpochFacts> {
    // Open already: it waits for no turn, because those that have one may wait for it.
    if (this.#file !== undefined) return this.#complete(trailer);
    return briefly(this.#fileSystem, () => this.#complete(trailer));
  }

  async #complete(trailer?: (facts: EpochFacts) => string): Promise<EpochFacts> {
    try {
      await this.flush();
      // Records that are encoded as nothing still make a file: the record names one.
      const file = (this.#file ??= await this.#create());
      const facts = {
        path: this.#path,
        byteLength: this.#byteLength,
        sha256: this.#hash.digest('hex'),
        recordCount: this.#recordCount,
      };
      if (trailer !== undefined) await file.write(Buffer.from(trailer(facts)));
      await file.sync();
      return facts;
    } finally {
      // Also after a failure: nothing else closes the file.
      await this.#close();
    }
  }

  /** Gives up what is open; the file is removed by the next owner. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true;
    this.#chunks = [];
    this.#text = '';
    await this.#close();
  }

  async #create(): Promise<WritableFile> {
    const file = await this.#fileSystem.createFile(this.#path, this.#visibility);
    if (!this.#isAbandoned) return file;
    // Given up meanwhile: nothing else would close it.
    await file.close();
    throw new Error('the epoch was given up');
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  #settleText(): void {
    if (this.#text === '') return;
    this.#push(Buffer.from(this.#text, 'utf8'));
    this.#text = '';
  }

  #push(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#chunkBytes += bytes.byteLength;
  }
}

/** The bytes of a file from its beginning to its end; each block is overwritten by the next one. */
export async function* blocksOf(
  fileSystem: FileSystem,
  path: string,
  blockBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await fileSystem.openFile(path);
  try {
    const block = new Uint8Array(Math.min(blockBytes, file.byteLength));
    for (let byteOffset = 0; byteOffset < file.byteLength;) {
      const filled = await file.read(block, byteOffset);
      if (filled === 0) return;
      byteOffset += filled;
      yield block.subarray(0, filled);
    }
  } finally {
    await file.close();
  }
}

/** @throws TidegateError `TIDEGATE_SINK_RECORD` for what `encode` may not give. */
export function encoded(value: unknown): string | Uint8Array {
  if (typeof value === 'string') {
    if (value.isWellFormed()) return value;
    throw refused('with half of a surrogate pair, which UTF-8 cannot hold');
  }
  // Not by `instanceof`: bytes may come from another realm.
  if (
    ArrayBuffer.isView(value) &&
    Object.prototype.toString.call(value) === '[object Uint8Array]'
  ) {
    return value as Uint8Array;
  }
  throw refused(`as ${value === undefined ? 'undefined' : typeof value}, not as text or bytes`);
}

function refused(how: string): TidegateError {
  return new TidegateError('TIDEGATE_SINK_RECORD', `a record was encoded ${how}`);
}
