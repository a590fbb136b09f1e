// What an object storage service is to a checkpoint store and to a sink: objects, conditions, uploads.

import type { CallOptions } from './source.js';

/** On what a write depends: the object is absent, or it still has this entity tag. */
export type ObjectCondition = { readonly ifAbsent: true } | { readonly ifMatch: string };

/** One object as `list` and `get` describe it; `size` in bytes. */
export interface ObjectFacts {
  readonly key: string;
  /** Entity tag, as the service gave it, quotes included. */
  readonly etag: string;
  readonly size: number;
  /** By the clock of the service, in milliseconds since 1970. */
  readonly lastModifiedMs: number;
}

export interface StoredObject extends ObjectFacts {
  readonly body: AsyncIterable<Uint8Array>;
}

/** One answer to a listing of objects. */
export interface ObjectPage {
  /** In the order of the UTF-8 bytes of the keys. */
  readonly objects: readonly ObjectFacts[];
  /** Give it as `after` to go on; undefined at the end. */
  readonly next?: string | undefined;
}

/** Names one multipart upload. */
export interface UploadName {
  readonly key: string;
  readonly uploadId: string;
}

/** A part that the service holds; parts count from 1. */
export interface UploadedPart {
  readonly partNumber: number;
  readonly etag: string;
}

/**
 * One bucket of an object storage service, below one prefix that the adapter adds. Keys are relative
 * and have `/` between their parts. Obligations:
 *
 * 1. A write is durable when it returns; a read that begins afterwards sees it (so does `list`).
 * 2. A condition is decided and applied in one step: of many writers with the same condition one wins.
 *    The others fail with an `ObjectStorageFailure` of kind `condition-failed`.
 * 3. A failure whose effect is not known (a lost answer, a timeout, 409, 500) has kind `unknown`: the
 *    write may have taken effect, or may still take effect later.
 * 4. No error carries a credential or a signed address.
 */
export interface ObjectStorage {
  /** For messages, without credentials: `s3://bucket/prefix`. */
  readonly address: string;
  /** What is known of an object without its bytes; undefined when there is none. */
  head(key: string, options: CallOptions): Promise<ObjectFacts | undefined>;
  /**
   * undefined when there is no such object. `range` in bytes, `end` exclusive, not empty; `size` is that of
   * the whole object. The body is read to its end or left by `return()`, or a connection stays open.
   */
  get(
    key: string,
    options: CallOptions & { readonly range?: { readonly start: number; readonly end: number } },
  ): Promise<StoredObject | undefined>;
  /** At most 1000 objects whose keys begin with `prefix`, from behind `after` on. */
  list(
    query: { readonly prefix: string; readonly after?: string | undefined },
    options: CallOptions,
  ): Promise<ObjectPage>;
  /** Returns the entity tag of the new object. */
  put(
    key: string,
    body: Uint8Array,
    options: CallOptions & { readonly condition?: ObjectCondition | undefined },
  ): Promise<string>;
  /** Of an object that is not there: no error. */
  delete(key: string, options: CallOptions): Promise<void>;
  /** Begins a multipart upload and returns its id. */
  createUpload(key: string, options: CallOptions): Promise<string>;
  /** Every part but the last has at least 5 MiB. */
  uploadPart(
    part: UploadName & { readonly partNumber: number; readonly body: Uint8Array },
    options: CallOptions,
  ): Promise<UploadedPart>;
  /** Makes the object of its parts; an upload that is gone fails with kind `upload-gone`. */
  completeUpload(
    upload: UploadName & { readonly parts: readonly UploadedPart[] },
    options: CallOptions,
  ): Promise<string>;
  /** Of an upload that is gone: no error. */
  abortUpload(upload: UploadName, options: CallOptions): Promise<void>;
  /** Uploads under way whose keys begin with `prefix`, all of them. */
  listUploads(prefix: string, options: CallOptions): Promise<readonly UploadName[]>;
}

/** Why a call to an object storage service failed. */
export type ObjectStorageFailureKind =
  /** The condition did not hold (412). */
  | 'condition-failed'
  /** It may have taken effect, or may still do (409, 500, a timeout, a lost answer). */
  | 'unknown'
  /** It had no effect; again later (503 slow down, 429). */
  | 'throttled'
  /** The service is not reached; it had no effect. */
  | 'unreachable'
  | 'denied'
  | 'missing-bucket'
  | 'upload-gone'
  /** The service refuses a request that it does not support or that is not valid. */
  | 'invalid';

/** What an adapter throws; the message has no credential in it. */
export class ObjectStorageFailure extends Error {
  override readonly name = 'ObjectStorageFailure';
  readonly kind: ObjectStorageFailureKind;

  constructor(kind: ObjectStorageFailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
