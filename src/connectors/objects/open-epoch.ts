// The epoch that is being written: objects of parts, with two parts in memory at most.

import { createHash } from 'node:crypto';
import type { CallOptions } from '../../contracts/source.js';
import { toError } from '../../errors.js';
import { forEachBounded } from '../../runtime/for-each-bounded.js';
import type { EpochObject } from './epoch-record.js';
import { concurrency } from './epochs.js';
import type { ObjectSinkPorts } from './ports.js';
import { clear } from './publishing.js';

export interface OutputSizes {
  readonly maxPartBytes: number;
  readonly maxObjectBytes: number;
}

export class OpenEpoch {
  readonly #ended: EpochObject[] = [];
  #current: OpenObject | undefined;

  /** @param newName Gives a name that was never used. */
  constructor(
    private readonly ports: ObjectSinkPorts,
    private readonly sizes: OutputSizes,
    private readonly newName: () => string,
    private readonly signal: AbortSignal,
  ) {}

  /** A record lies in one object. The promise is the back-pressure. */
  async add(record: Uint8Array): Promise<void> {
    const { maxObjectBytes } = this.sizes;
    const current = this.#current;
    if (current !== undefined && current.size + record.byteLength > maxObjectBytes)
      await this.#end();
    this.#current ??= new OpenObject(this.ports, this.newName(), this.sizes, this.signal);
    await this.#current.add(record);
  }

  /** Everything is with the service when this returns. */
  async finish(): Promise<readonly EpochObject[]> {
    if (this.#current !== undefined) await this.#end();
    return this.#ended;
  }

  /** Best effort: what stays is found by a later owner. */
  async abandon(signal: AbortSignal): Promise<void> {
    const uploads = [...this.#ended, ...(this.#current?.begun() ?? [])];
    await forEachBounded(uploads, { concurrency, signal }, async (object) =>
      clear(this.ports, { objects: [object] }, signal),
    ).catch(() => undefined);
  }

  async #end(): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    this.#ended.push(await current.finish());
    this.#current = undefined;
  }
}

/** One object: a PUT when it fits into one part, a multipart upload otherwise. */
class OpenObject {
  size = 0;
  #recordCount = 0;
  readonly #hash = createHash('sha256');
  #part: Uint8Array = new Uint8Array(0);
  #filled = 0;
  #uploadId: string | undefined;
  readonly #etags: string[] = [];
  /** The part before the one that is filled, on its way. */
  #sending: Promise<void> = Promise.resolve();

  constructor(
    private readonly ports: ObjectSinkPorts,
    private readonly name: string,
    private readonly sizes: OutputSizes,
    private readonly signal: AbortSignal,
  ) {}

  async add(record: Uint8Array): Promise<void> {
    const { maxPartBytes } = this.sizes;
    this.#hash.update(record);
    this.size += record.byteLength;
    this.#recordCount += 1;
    for (let start = 0; start < record.byteLength;) {
      if (this.#filled === maxPartBytes) await this.#sendPart();
      const piece = record.subarray(start, start + maxPartBytes - this.#filled);
      this.#room(this.#filled + piece.byteLength).set(piece, this.#filled);
      this.#filled += piece.byteLength;
      start += piece.byteLength;
    }
  }

  async finish(): Promise<EpochObject> {
    const { storage } = this.ports;
    const facts = { name: this.name, size: this.size, recordCount: this.#recordCount };
    const id = this.#uploadId;
    if (id === undefined) {
      const body = this.#part.subarray(0, this.#filled);
      const etag = await this.#repeat((options) => storage.put(this.#key, body, options));
      return { ...facts, sha256: this.#hash.digest('hex'), etag };
    }
    await this.#sendPart();
    await this.#sending;
    return { ...facts, sha256: this.#hash.digest('hex'), upload: { id, etags: this.#etags } };
  }

  /** The upload, if one was begun. */
  begun(): readonly EpochObject[] {
    const id = this.#uploadId;
    if (id === undefined) return [];
    const upload = { id, etags: [] };
    return [{ name: this.name, size: this.size, sha256: '', recordCount: 0, upload }];
  }

  get #key(): string {
    return `${this.ports.layout.prefix}${this.name}`;
  }

  /** One part is on its way while the next one is filled. */
  async #sendPart(): Promise<void> {
    const { storage } = this.ports;
    await this.#sending;
    this.#uploadId ??= await this.#repeat((options) => storage.createUpload(this.#key, options));
    const upload = { key: this.#key, uploadId: this.#uploadId };
    const body = this.#part.subarray(0, this.#filled);
    this.#part = new Uint8Array(0);
    this.#filled = 0;
    const part = { ...upload, partNumber: this.#etags.length + 1, body };
    const sent = this.#repeat((options) => storage.uploadPart(part, options));
    this.#sending = sent.then(({ etag }) => void this.#etags.push(etag));
    // A failure is seen by the next one that waits.
    this.#sending.catch(toError);
  }

  #repeat<Value>(work: (options: CallOptions) => Promise<Value>): Promise<Value> {
    return this.ports.calls.repeat(this.signal, work);
  }

  /** Grows by doubling, so that many small records are copied a few times at most. */
  #room(byteLength: number): Uint8Array {
    if (this.#part.byteLength >= byteLength) return this.#part;
    const doubled = Math.max(4_096, 2 * this.#part.byteLength, byteLength);
    const grown = new Uint8Array(Math.min(this.sizes.maxPartBytes, doubled));
    grown.set(this.#part.subarray(0, this.#filled));
    this.#part = grown;
    return grown;
  }
}
