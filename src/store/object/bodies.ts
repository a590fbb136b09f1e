// Writes the bodies of one session, each under a name of its own; nothing names them yet.

import { createHash } from 'node:crypto';
import type { CallOptions } from '../../contracts/source.js';
import type { UploadName, UploadedPart } from '../../contracts/object-storage.js';
import { serializeManifest } from '../../manifest/serialize.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import type { SidecarReceipt, WriteSidecarOptions } from '../checkpoint-store.js';
import { consumeChunks, type WrittenSidecar } from '../save-rules.js';
import { bodyKey, sessionName } from './current.js';
import type { Ownership } from './ownership.js';
import type { ObjectStorePorts } from './ports.js';
import { isFailure } from './storage-calls.js';

/** Services take at most this many parts. */
const maxParts = 10_000;

export interface SidecarBody extends WrittenSidecar {
  readonly name: string;
}

export class Bodies {
  #count = 0;
  readonly #folder: string;

  constructor(
    private readonly ports: ObjectStorePorts,
    ownership: Ownership,
  ) {
    this.#folder = sessionName(ownership);
  }

  /** Returns the name of the body. The same bytes may be sent again under it, and only these. */
  async writeManifest(
    manifest: CheckpointManifest,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const { calls, maxManifestBytes, storage } = this.ports;
    const bytes = Buffer.from(serializeManifest(manifest, { maxBytes: maxManifestBytes }));
    const name = this.#newName('json');
    await calls.repeat(signal, (options) => storage.put(bodyKey(name), bytes, options));
    return name;
  }

  /** Holds one part in memory at a time; a sidecar of one part is one PUT. */
  async writeSidecar(
    chunks: AsyncIterable<Uint8Array>,
    options: WriteSidecarOptions,
  ): Promise<SidecarBody> {
    const { inlineDigest, maxBytes, signal } = options;
    const name = this.#newName('bin');
    const hash = createHash('sha256');
    if (inlineDigest !== undefined) hash.update(inlineDigest);
    const partBytes = Math.max(this.ports.partBytes, Math.ceil(maxBytes / maxParts));
    const output = new BodyUpload(this.ports, bodyKey(name), { partBytes, signal });
    try {
      const byteLength = await consumeChunks(chunks, options, async (chunk) => {
        hash.update(chunk);
        await output.add(chunk);
      });
      await output.finish();
      const receipt: SidecarReceipt = { byteLength, sha256: hash.digest('hex') };
      return { name, receipt, inlineDigest };
    } catch (error) {
      await output.abandon();
      throw error;
    }
  }

  #newName(extension: 'bin' | 'json'): string {
    this.#count += 1;
    return `${this.#folder}/${this.#count}.${extension}`;
  }
}

interface UploadOptions {
  readonly partBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** One object of unknown length: a PUT when it fits into one part, a multipart upload otherwise. */
class BodyUpload {
  #part: Uint8Array = new Uint8Array(0);
  #filled = 0;
  #upload: UploadName | undefined;
  readonly #parts: UploadedPart[] = [];

  constructor(
    private readonly ports: ObjectStorePorts,
    private readonly key: string,
    private readonly options: UploadOptions,
  ) {}

  async add(chunk: Uint8Array): Promise<void> {
    const { partBytes } = this.options;
    for (let start = 0; start < chunk.byteLength;) {
      if (this.#filled === partBytes) await this.#sendPart();
      const piece = chunk.subarray(start, start + partBytes - this.#filled);
      this.#room(this.#filled + piece.byteLength).set(piece, this.#filled);
      this.#filled += piece.byteLength;
      start += piece.byteLength;
    }
  }

  async finish(): Promise<void> {
    const { storage } = this.ports;
    if (this.#upload === undefined) {
      const body = this.#part.subarray(0, this.#filled);
      await this.#repeat((options) => storage.put(this.key, body, options));
      return;
    }
    await this.#sendPart();
    await this.#complete(this.#upload);
  }

  /** Best effort: what stays is found by a later owner. */
  async abandon(): Promise<void> {
    const upload = this.#upload;
    if (upload === undefined) return;
    const { calls, storage } = this.ports;
    const abort = (options: CallOptions): Promise<void> => storage.abortUpload(upload, options);
    await calls.once(undefined, abort).catch(() => undefined);
  }

  async #sendPart(): Promise<void> {
    const { storage } = this.ports;
    this.#upload ??= {
      key: this.key,
      uploadId: await this.#repeat((options) => storage.createUpload(this.key, options)),
    };
    const part = {
      ...this.#upload,
      partNumber: this.#parts.length + 1,
      body: this.#part.subarray(0, this.#filled),
    };
    this.#parts.push(await this.#repeat((options) => storage.uploadPart(part, options)));
    this.#filled = 0;
  }

  /** An upload that is gone was completed by a try whose answer was lost, if the object is there. */
  async #complete(upload: UploadName): Promise<void> {
    const { storage } = this.ports;
    const parts = this.#parts;
    await this.#repeat(async (options) => {
      try {
        await storage.completeUpload({ ...upload, parts }, options);
      } catch (error) {
        if (!isFailure(error, 'upload-gone')) throw error;
        if ((await storage.head(this.key, options)) === undefined) throw error;
      }
    });
  }

  #repeat<Value>(work: (options: CallOptions) => Promise<Value>): Promise<Value> {
    return this.ports.calls.repeat(this.options.signal, work);
  }

  /** Grows by doubling, so that many small chunks are copied a few times at most. */
  #room(byteLength: number): Uint8Array {
    if (this.#part.byteLength >= byteLength) return this.#part;
    const doubled = Math.max(4_096, 2 * this.#part.byteLength, byteLength);
    const grown = new Uint8Array(Math.min(this.options.partBytes, doubled));
    grown.set(this.#part.subarray(0, this.#filled));
    this.#part = grown;
    return grown;
  }
}
