// Writing a sidecar: streamed, hashed on the way, on the disk when it returns.

import { createHash, type Hash } from 'node:crypto';
import type { FileSystem, WritableFile } from '../../runtime/file-system.js';
import type { SidecarReceipt, WriteSidecarOptions } from '../checkpoint-store.js';
import { consumeChunks } from '../save-rules.js';

/** Largest write: bounds how long hashing holds the event loop (about half a millisecond). */
const writeBytes = 1_048_576;

/** Chunks below this are collected, so that an operator that yields rows does not write rows. */
const smallChunkBytes = 65_536;

/** What is collected begins this small: most sidecars of small states never need more. */
const firstCollectedBytes = 4_096;

/** Writes a new file at `path` from chunks. After a failure the file must not be used. */
export async function writeSidecarFile(
  fileSystem: FileSystem,
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  options: WriteSidecarOptions,
): Promise<SidecarReceipt> {
  const file = await fileSystem.createFile(path);
  try {
    const output = new HashedOutput(file, options.inlineDigest);
    const byteLength = await consumeChunks(chunks, options, (chunk) => output.add(chunk));
    await output.flush();
    // Before the checkpoint's directory gets its visible name: a manifest that survives a power
    // loss must never state bytes that did not.
    await file.sync();
    return { byteLength, sha256: output.sha256() };
  } finally {
    await file.close();
  }
}

class HashedOutput {
  readonly #hash: Hash = createHash('sha256');
  readonly #file: WritableFile;
  #collected: Uint8Array | undefined;
  #collectedBytes = 0;

  constructor(file: WritableFile, prefix: string | undefined) {
    this.#file = file;
    if (prefix !== undefined) this.#hash.update(prefix);
  }

  async add(chunk: Uint8Array): Promise<void> {
    if (chunk.byteLength >= smallChunkBytes) {
      await this.flush();
      await this.#write(chunk);
      return;
    }
    if (this.#collectedBytes + chunk.byteLength > writeBytes) await this.flush();
    this.#roomFor(this.#collectedBytes + chunk.byteLength).set(chunk, this.#collectedBytes);
    this.#collectedBytes += chunk.byteLength;
  }

  async flush(): Promise<void> {
    if (this.#collected === undefined || this.#collectedBytes === 0) return;
    await this.#write(this.#collected.subarray(0, this.#collectedBytes));
    this.#collectedBytes = 0;
  }

  sha256(): string {
    return this.#hash.digest('hex');
  }

  /** Grows by doubling, so that many small chunks are copied a few times at most. */
  #roomFor(byteLength: number): Uint8Array {
    const current = this.#collected;
    if (current !== undefined && current.byteLength >= byteLength) return current;
    const doubled = Math.max(firstCollectedBytes, 2 * (current?.byteLength ?? 0), byteLength);
    const grown = new Uint8Array(Math.min(writeBytes, doubled));
    if (current !== undefined) grown.set(current.subarray(0, this.#collectedBytes));
    this.#collected = grown;
    return grown;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.byteLength; start += writeBytes) {
      const part = bytes.subarray(start, start + writeBytes);
      const writing = this.#file.write(part);
      // Hashed while the kernel copies: both only read the part.
      this.#hash.update(part);
      await writing;
    }
  }
}
