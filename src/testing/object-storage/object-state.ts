// The state of a simulated object storage: objects, uploads, and requests that have not arrived yet.

import { createHash } from 'node:crypto';
import {
  ObjectStorageFailure,
  type ObjectCondition,
  type ObjectFacts,
  type ObjectPage,
  type UploadedPart,
  type UploadName,
} from '../../contracts/object-storage.js';
import type { Random } from '../../runtime/random.js';
import type { ObjectOperation } from './object-operation.js';

export interface HeldObject {
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly lastModifiedMs: number;
}

interface HeldUpload {
  readonly key: string;
  readonly parts: ReadonlyMap<number, { readonly bytes: Uint8Array; readonly etag: string }>;
}

/** What a request does when it arrives. A function of the state, so that a copy of it has its own. */
export type Effect<Value> = (state: ObjectState) => Value;

export interface ServiceTraits {
  /** Milliseconds since 1970, by the clock of the service. */
  readonly nowMs: () => number;
  readonly random: Random;
  /** A list may be as old as this many writes; each draws how old it is. */
  readonly listLag: number;
  readonly ignores: readonly ('ifAbsent' | 'ifMatch')[];
  readonly minPartBytes: number;
}

const maxListedObjects = 1_000;

export class ObjectState {
  readonly objects = new Map<string, HeldObject>();
  readonly uploads = new Map<string, HeldUpload>();
  readonly late: { readonly operation: ObjectOperation; readonly effect: Effect<unknown> }[] = [];
  /** What there was before the last writes, the newest first. */
  #earlier: ReadonlyMap<string, HeldObject>[] = [];
  #uploadCount = 0;

  constructor(readonly traits: ServiceTraits) {}

  clone(): ObjectState {
    const copy = new ObjectState(this.traits);
    for (const [key, object] of this.objects) copy.objects.set(key, object);
    for (const [id, upload] of this.uploads) copy.uploads.set(id, upload);
    copy.late.push(...this.late);
    copy.#earlier = [...this.#earlier];
    copy.#uploadCount = this.#uploadCount;
    return copy;
  }

  put(key: string, bytes: Uint8Array, condition?: ObjectCondition): string {
    this.#check(key, condition);
    return this.#write(key, bytes, etagOf(bytes));
  }

  delete(key: string): void {
    if (!this.objects.has(key)) return;
    this.#remember();
    this.objects.delete(key);
  }

  list(prefix: string, after: string | undefined): ObjectPage {
    const { random, listLag } = this.traits;
    const age = listLag === 0 ? 0 : Math.floor(random.next() * (listLag + 1));
    const seen = age === 0 ? this.objects : (this.#earlier[age - 1] ?? this.objects);
    const keys = [...seen.keys()]
      .filter((key) => key.startsWith(prefix) && (after === undefined || inOrder(after, key) < 0))
      .sort(inOrder);
    const page = keys.slice(0, maxListedObjects);
    const objects = page.flatMap((key) => factsOf(key, seen.get(key)) ?? []);
    return keys.length > page.length ? { objects, next: page.at(-1) } : { objects };
  }

  createUpload(key: string): string {
    this.#uploadCount += 1;
    const uploadId = `upload-${this.#uploadCount}`;
    this.uploads.set(uploadId, { key, parts: new Map() });
    return uploadId;
  }

  uploadPart(upload: UploadName, partNumber: number, bytes: Uint8Array): UploadedPart {
    const { key, parts } = this.#upload(upload);
    const etag = etagOf(bytes);
    this.uploads.set(upload.uploadId, {
      key,
      parts: new Map([...parts, [partNumber, { bytes, etag }]]),
    });
    return { partNumber, etag };
  }

  completeUpload(upload: UploadName, parts: readonly UploadedPart[]): string {
    const held = this.#upload(upload);
    const pieces = parts.map(({ partNumber, etag }, index) => {
      const piece = held.parts.get(partNumber);
      const isInOrder = index === 0 || (parts[index - 1]?.partNumber ?? 0) < partNumber;
      if (piece?.etag !== etag || !isInOrder) throw invalid(`part ${partNumber} is not there`);
      const isLast = index === parts.length - 1;
      if (!isLast && piece.bytes.byteLength < this.traits.minPartBytes) {
        throw invalid(`part ${partNumber} has ${piece.bytes.byteLength} bytes`);
      }
      return piece.bytes;
    });
    if (pieces.length === 0) throw invalid('an upload is completed without parts');
    this.uploads.delete(upload.uploadId);
    const digests = parts.map(({ etag }) => etag).join('');
    const etag = `${etagOf(Buffer.from(digests)).slice(0, -1)}-${parts.length}"`;
    return this.#write(upload.key, new Uint8Array(Buffer.concat(pieces)), etag);
  }

  abortUpload(upload: UploadName): void {
    if (this.uploads.get(upload.uploadId)?.key === upload.key) this.uploads.delete(upload.uploadId);
  }

  listUploads(prefix: string): readonly UploadName[] {
    return [...this.uploads]
      .filter(([, { key }]) => key.startsWith(prefix))
      .map(([uploadId, { key }]) => ({ key, uploadId }));
  }

  #upload({ key, uploadId }: UploadName): HeldUpload {
    const held = this.uploads.get(uploadId);
    if (held?.key === key) return held;
    throw new ObjectStorageFailure('upload-gone', `there is no upload ${uploadId} of ${key}`);
  }

  #check(key: string, condition: ObjectCondition | undefined): void {
    if (condition === undefined) return;
    const { ignores } = this.traits;
    const etag = this.objects.get(key)?.etag;
    if ('ifAbsent' in condition) {
      if (etag === undefined || ignores.includes('ifAbsent')) return;
    } else if (etag === condition.ifMatch || ignores.includes('ifMatch')) return;
    throw new ObjectStorageFailure('condition-failed', `the condition for ${key} does not hold`);
  }

  #write(key: string, bytes: Uint8Array, etag: string): string {
    this.#remember();
    this.objects.set(key, { bytes, etag, lastModifiedMs: this.traits.nowMs() });
    return etag;
  }

  #remember(): void {
    if (this.traits.listLag === 0) return;
    this.#earlier = [new Map(this.objects), ...this.#earlier].slice(0, this.traits.listLag);
  }
}

export function factsOf(key: string, object: HeldObject | undefined): ObjectFacts | undefined {
  if (object === undefined) return undefined;
  const { etag, bytes, lastModifiedMs } = object;
  return { key, etag, size: bytes.byteLength, lastModifiedMs };
}

/** Of equal bytes the same, as with S3: a tag does not tell a copy from what was there before. */
function etagOf(bytes: Uint8Array): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

function inOrder(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

function invalid(why: string): ObjectStorageFailure {
  return new ObjectStorageFailure('invalid', why);
}
