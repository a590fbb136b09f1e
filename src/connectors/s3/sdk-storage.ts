// Object storage through `S3` of @aws-sdk/client-s3.

import type {
  ObjectFacts,
  ObjectPage,
  ObjectStorage,
  ObjectStorageFailure,
  StoredObject,
  UploadName,
  UploadedPart,
} from '../../contracts/object-storage.js';
import type { CallOptions } from '../../contracts/source.js';
import { toError } from '../../errors.js';
import { bodyOf, failureOf, ignoreGone, leftOr, systemCodeOf, unlessMissing } from './failures.js';
import { conditionHeaders, ownKey, rangeHeader, wholeSize, type S3Place } from './place.js';
import type { S3CallOptions, S3Client, S3ObjectHead, S3ObjectName, S3Part } from './sdk-client.js';

export class SdkStorage implements ObjectStorage {
  readonly address: string;

  constructor(
    private readonly client: S3Client,
    private readonly place: S3Place,
  ) {
    this.address = place.address;
  }

  async head(key: string, { signal }: CallOptions): Promise<ObjectFacts | undefined> {
    const input = this.#named(key);
    const heading = this.#call(`HEAD ${key}`, signal, (options) =>
      this.client.headObject(input, options),
    );
    const head = await unlessMissing(heading);
    return head === undefined ? undefined : factsOf(key, head);
  }

  async get(
    key: string,
    { signal, range }: Parameters<ObjectStorage['get']>[1],
  ): Promise<StoredObject | undefined> {
    const input = { ...this.#named(key), Range: rangeHeader(range) };
    const getting = this.#call(`GET ${key}`, signal, (options) =>
      this.client.getObject(input, options),
    );
    const object = await unlessMissing(getting);
    if (object === undefined) return undefined;
    const failed = (error: unknown) => sdkFailure(this.#doing(`GET ${key}`), error);
    const body = bodyOf(object.Body as AsyncIterable<Uint8Array>, signal, failed);
    return { ...factsOf(key, object), body };
  }

  async list(
    { prefix, after }: Parameters<ObjectStorage['list']>[0],
    { signal }: CallOptions,
  ): Promise<ObjectPage> {
    const input = {
      ...this.#below(prefix),
      StartAfter: after === undefined ? undefined : this.place.prefix + after,
      MaxKeys: 1_000,
    };
    const { Contents = [], IsTruncated } = await this.#call(
      `list of ${prefix}`,
      signal,
      (options) => this.client.listObjectsV2(input, options),
    );
    const objects = Contents.map(({ Key, Size, ...rest }) =>
      factsOf(this.#keyOf(Key), { ...rest, ContentLength: Size }),
    );
    return IsTruncated === true ? { objects, next: objects.at(-1)?.key } : { objects };
  }

  async put(
    key: string,
    Body: Uint8Array,
    { signal, condition }: Parameters<ObjectStorage['put']>[2],
  ): Promise<string> {
    const { ifMatch: IfMatch, ifNoneMatch: IfNoneMatch } = conditionHeaders(condition);
    const input = { ...this.#named(key), Body, IfMatch, IfNoneMatch };
    const put = (options: S3CallOptions) => this.client.putObject(input, options);
    const { ETag } = await this.#call(`PUT ${key}`, signal, put, condition !== undefined);
    return ETag ?? '';
  }

  async delete(key: string, { signal }: CallOptions): Promise<void> {
    const input = this.#named(key);
    await unlessMissing(
      this.#call(`DELETE ${key}`, signal, (options) => this.client.deleteObject(input, options)),
    );
  }

  async createUpload(key: string, { signal }: CallOptions): Promise<string> {
    const input = this.#named(key);
    const { UploadId } = await this.#call(`upload of ${key}`, signal, (options) =>
      this.client.createMultipartUpload(input, options),
    );
    return UploadId ?? '';
  }

  async uploadPart(
    { partNumber, body: Body, ...upload }: Parameters<ObjectStorage['uploadPart']>[0],
    { signal }: CallOptions,
  ): Promise<UploadedPart> {
    const input = { ...this.#uploading(upload), PartNumber: partNumber, Body };
    const { ETag } = await this.#call(`part ${partNumber} of ${upload.key}`, signal, (options) =>
      this.client.uploadPart(input, options),
    );
    return { partNumber, etag: ETag ?? '' };
  }

  completeUpload(
    { parts, ...upload }: Parameters<ObjectStorage['completeUpload']>[0],
    { signal }: CallOptions,
  ): Promise<string> {
    return this.#call(`completion of ${upload.key}`, signal, (options) =>
      complete(this.client, this.#uploading(upload), parts, options),
    );
  }

  async abortUpload(upload: UploadName, { signal }: CallOptions): Promise<void> {
    const input = this.#uploading(upload);
    const aborting = this.#call(`abort of ${upload.key}`, signal, (options) =>
      this.client.abortMultipartUpload(input, options),
    );
    await aborting.catch(ignoreGone);
  }

  async listUploads(below: string, { signal }: CallOptions): Promise<readonly UploadName[]> {
    const found: UploadName[] = [];
    let markers: { readonly KeyMarker?: string; readonly UploadIdMarker?: string | undefined } = {};
    for (;;) {
      const input = { ...this.#below(below), ...markers };
      const page = await this.#call(`uploads of ${below}`, signal, (options) =>
        this.client.listMultipartUploads(input, options),
      );
      for (const { Key, UploadId = '' } of page.Uploads ?? []) {
        found.push({ key: this.#keyOf(Key), uploadId: UploadId });
      }
      if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return found;
      const { NextKeyMarker, NextUploadIdMarker } = page;
      markers = { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker };
    }
  }

  #named(key: string) {
    return { Bucket: this.place.bucket, Key: this.place.prefix + key };
  }

  #below(prefix: string) {
    const { bucket: Bucket, prefix: ours } = this.place;
    return { Bucket, Prefix: ours + prefix };
  }

  #uploading({ key, uploadId }: UploadName): Uploading {
    return { ...this.#named(key), UploadId: uploadId };
  }

  #keyOf(key = ''): string {
    return ownKey(this.place, key);
  }

  #doing(doing: string): string {
    return `${doing} of ${this.address}`;
  }

  async #call<Answer>(
    doing: string,
    signal: AbortSignal,
    work: (options: S3CallOptions) => Promise<Answer>,
    hadCondition = false,
  ): Promise<Answer> {
    signal.throwIfAborted();
    try {
      return await work({ abortSignal: signal });
    } catch (error) {
      throw leftOr(signal, error, (thrown) => sdkFailure(this.#doing(doing), thrown, hadCondition));
    }
  }
}

interface Uploading extends S3ObjectName {
  readonly UploadId: string;
}

/**
 * The client adds a checksum to each part by default, and S3 then wants those back; they are asked for
 * when it says so, because the parts may have been sent by another process.
 */
async function complete(
  client: S3Client,
  upload: Uploading,
  parts: readonly UploadedPart[],
  options: S3CallOptions,
): Promise<string> {
  const Parts = parts.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: etag }));
  try {
    const input = { ...upload, MultipartUpload: { Parts } };
    return (await client.completeMultipartUpload(input, options)).ETag ?? '';
  } catch (error) {
    if (!/checksum/i.test(toError(error).message)) throw error;
    const checked = await partsOf(client, upload, options);
    const given = new Map(parts.map(({ partNumber, etag }) => [partNumber, etag]));
    const same = checked.filter((part) => given.get(part.PartNumber ?? 0) === part.ETag);
    const input = { ...upload, MultipartUpload: { Parts: same } };
    return (await client.completeMultipartUpload(input, options)).ETag ?? '';
  }
}

async function partsOf(
  client: S3Client,
  upload: Uploading,
  options: S3CallOptions,
): Promise<readonly S3Part[]> {
  const found: S3Part[] = [];
  let marker: string | undefined;
  do {
    const page = await client.listParts({ ...upload, PartNumberMarker: marker }, options);
    // With their checksums, whichever they are.
    for (const part of page.Parts ?? []) found.push({ ...part, Size: undefined } as S3Part);
    marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  return found;
}

function factsOf(key: string, head: S3ObjectHead): ObjectFacts {
  return {
    key,
    etag: head.ETag ?? '',
    size: wholeSize(head.ContentRange, head.ContentLength ?? 0),
    lastModifiedMs: head.LastModified?.getTime() ?? 0,
  };
}

/** Only the name, the status and the message: answers of S3 repeat key ids and signatures beside them. */
function sdkFailure(doing: string, error: unknown, hadCondition = false): ObjectStorageFailure {
  const { name, $metadata } = (error ?? {}) as {
    readonly name?: string;
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode;
  const systemCode = status === undefined ? systemCodeOf(error) : undefined;
  const { message } = toError(error);
  // Whatever went out comes back with metadata, if only the number of tries.
  const isUnsent = $metadata === undefined && systemCode === undefined;
  return failureOf({ doing, status, code: systemCode ?? name, message, hadCondition, isUnsent });
}
