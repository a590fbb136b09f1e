// Object storage through `fetch`, with requests that aws4fetch signs.

import { createHash } from 'node:crypto';
import {
  type ObjectStorageFailure,
  type ObjectFacts,
  type ObjectPage,
  type ObjectStorage,
  type StoredObject,
  type UploadName,
  type UploadedPart,
} from '../../contracts/object-storage.js';
import type { CallOptions } from '../../contracts/source.js';
import { toError } from '../../errors.js';
import { bodyOf, failureOf, ignoreGone, leftOr, systemCodeOf, unlessMissing } from './failures.js';
import { conditionHeaders, ownKey, rangeHeader, wholeSize, type S3Place } from './place.js';
import { elements, escaped, textOf } from './xml.js';

/** `new AwsClient({ accessKeyId, secretAccessKey, region })` of aws4fetch fits. */
export interface S3Signer {
  sign(
    url: string,
    init: {
      readonly method: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: Uint8Array<ArrayBuffer>;
      readonly aws: { readonly service: string };
    },
  ): Promise<Request>;
}

interface Query extends CallOptions {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: Uint8Array | string | undefined;
}

export class FetchStorage implements ObjectStorage {
  readonly address: string;
  readonly #requests: Requests;

  constructor(
    signer: S3Signer,
    endpoint: string,
    private readonly place: S3Place,
  ) {
    this.address = place.address;
    this.#requests = new Requests(signer, `${endpoint.replace(/\/+$/, '')}/${place.bucket}`, place);
  }

  async head(key: string, { signal }: CallOptions): Promise<ObjectFacts | undefined> {
    const response = await this.#requests.unlessMissing('HEAD', key, { signal });
    return response === undefined ? undefined : factsOf(key, response);
  }

  async get(
    key: string,
    { signal, range }: Parameters<ObjectStorage['get']>[1],
  ): Promise<StoredObject | undefined> {
    const headers = { Range: rangeHeader(range) };
    const response = await this.#requests.unlessMissing('GET', key, { signal, headers });
    if (response === undefined) return undefined;
    const failed = (error: unknown) => this.#requests.broken('GET', key, error);
    return { ...factsOf(key, response), body: bodyOf(response.body ?? empty(), signal, failed) };
  }

  async list(
    { prefix, after }: Parameters<ObjectStorage['list']>[0],
    { signal }: CallOptions,
  ): Promise<ObjectPage> {
    const query = {
      'list-type': '2',
      'max-keys': '1000',
      prefix: this.place.prefix + prefix,
      'start-after': after === undefined ? undefined : this.place.prefix + after,
    };
    const xml = await this.#requests.text('GET', undefined, { signal, query });
    const objects = elements(xml, 'Contents').map((item) => ({
      key: this.#keyIn(item),
      etag: textOf(item, 'ETag') ?? '',
      size: Number(textOf(item, 'Size')),
      lastModifiedMs: Date.parse(textOf(item, 'LastModified') ?? ''),
    }));
    const isMore = textOf(xml, 'IsTruncated') === 'true';
    return isMore ? { objects, next: objects.at(-1)?.key } : { objects };
  }

  put(
    key: string,
    body: Uint8Array,
    { signal, condition }: Parameters<ObjectStorage['put']>[2],
  ): Promise<string> {
    const { ifMatch, ifNoneMatch } = conditionHeaders(condition);
    const headers = { 'If-Match': ifMatch, 'If-None-Match': ifNoneMatch };
    return this.#requests.etag('PUT', key, { signal, headers, body });
  }

  async delete(key: string, { signal }: CallOptions): Promise<void> {
    await this.#requests.unlessMissing('DELETE', key, { signal });
  }

  async createUpload(key: string, { signal }: CallOptions): Promise<string> {
    const xml = await this.#requests.text('POST', key, { signal, query: { uploads: '' } });
    return textOf(xml, 'UploadId') ?? '';
  }

  async uploadPart(
    { partNumber, body, key, uploadId }: Parameters<ObjectStorage['uploadPart']>[0],
    { signal }: CallOptions,
  ): Promise<UploadedPart> {
    const query = { uploadId, partNumber: String(partNumber) };
    return { partNumber, etag: await this.#requests.etag('PUT', key, { signal, query, body }) };
  }

  async completeUpload(
    { parts, key, uploadId }: Parameters<ObjectStorage['completeUpload']>[0],
    { signal }: CallOptions,
  ): Promise<string> {
    const items = parts.map(
      ({ partNumber, etag }) =>
        `<Part><PartNumber>${partNumber}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`,
    );
    const body = `<CompleteMultipartUpload>${items.join('')}</CompleteMultipartUpload>`;
    const xml = await this.#requests.text('POST', key, { signal, query: { uploadId }, body });
    return textOf(xml, 'ETag') ?? '';
  }

  async abortUpload({ key, uploadId }: UploadName, { signal }: CallOptions): Promise<void> {
    const aborting = this.#requests.text('DELETE', key, { signal, query: { uploadId } });
    await aborting.catch(ignoreGone);
  }

  async listUploads(below: string, { signal }: CallOptions): Promise<readonly UploadName[]> {
    const found: UploadName[] = [];
    let markers: Readonly<Record<string, string | undefined>> = {};
    for (;;) {
      const prefix = this.place.prefix + below;
      const query = { uploads: '', prefix, ...markers };
      const xml = await this.#requests.text('GET', undefined, { signal, query });
      for (const item of elements(xml, 'Upload')) {
        found.push({ key: this.#keyIn(item), uploadId: textOf(item, 'UploadId') ?? '' });
      }
      const marker = textOf(xml, 'NextKeyMarker');
      if (textOf(xml, 'IsTruncated') !== 'true' || marker === undefined) return found;
      markers = {
        'key-marker': marker,
        'upload-id-marker': textOf(xml, 'NextUploadIdMarker'),
      };
    }
  }

  #keyIn(item: string): string {
    return ownKey(this.place, textOf(item, 'Key') ?? '');
  }
}

class Requests {
  constructor(
    private readonly signer: S3Signer,
    private readonly bucketUrl: string,
    private readonly place: S3Place,
  ) {}

  /** The body of an answer that is read whole. S3 may say 200 and then an error. */
  async text(method: string, key: string | undefined, query: Query): Promise<string> {
    const response = await this.#send(method, key, query);
    const xml = await this.#read(method, key, response, query.signal);
    if (!/^\s*(?:<\?xml[^>]*>\s*)?<Error[\s>]/.test(xml)) return xml;
    throw this.#failure(method, key, { status: 500, xml, query });
  }

  async etag(method: string, key: string, query: Query): Promise<string> {
    const response = await this.#send(method, key, query);
    await this.#read(method, key, response, query.signal);
    return response.headers.get('ETag') ?? '';
  }

  /** The answer with its body still to come; undefined when there is no such object. */
  unlessMissing(method: string, key: string, query: Query): Promise<Response | undefined> {
    return unlessMissing(this.#send(method, key, query));
  }

  broken(method: string, key: string | undefined, error: unknown): ObjectStorageFailure {
    const { message } = toError(error);
    return failureOf({ doing: this.#doing(method, key), code: systemCodeOf(error), message });
  }

  async #send(method: string, key: string | undefined, query: Query): Promise<Response> {
    const { signal } = query;
    signal.throwIfAborted();
    const request = await this.#signed(method, key, query);
    let response: Response;
    try {
      response = await fetch(request, { signal });
    } catch (error) {
      throw leftOr(signal, error, (thrown) => this.broken(method, key, thrown));
    }
    if (response.ok) return response;
    const xml = await this.#read(method, key, response, signal);
    throw this.#failure(method, key, { status: response.status, xml, query });
  }

  async #signed(method: string, key: string | undefined, { query, headers, body }: Query) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : new Uint8Array(body ?? []);
    const url = new URL(`${this.bucketUrl}${key === undefined ? '' : `/${this.#path(key)}`}`);
    for (const [name, value] of given(query)) url.searchParams.set(name, value);
    const all = {
      ...Object.fromEntries(given(headers)),
      'X-Amz-Content-Sha256': createHash('sha256').update(bytes).digest('hex'),
    };
    const init = { method, headers: all, aws: { service: 's3' } };
    try {
      return await this.signer.sign(url.href, body === undefined ? init : { ...init, body: bytes });
    } catch (error) {
      const { name, message } = toError(error);
      throw failureOf({ doing: this.#doing(method, key), code: name, message, isUnsent: true });
    }
  }

  #path(key: string): string {
    return (this.place.prefix + key).split('/').map(encodeSegment).join('/');
  }

  async #read(
    method: string,
    key: string | undefined,
    response: Response,
    signal: AbortSignal,
  ): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw leftOr(signal, error, (thrown) => this.broken(method, key, thrown));
    }
  }

  #failure(
    method: string,
    key: string | undefined,
    answer: { readonly status: number; readonly xml: string; readonly query: Query },
  ): ObjectStorageFailure {
    const { status, xml, query } = answer;
    const code = textOf(xml, 'Code');
    const hadCondition = given(query.headers).some(([name]) => name.startsWith('If-'));
    const message = textOf(xml, 'Message');
    return failureOf({ doing: this.#doing(method, key), status, code, message, hadCondition });
  }

  #doing(method: string, key: string | undefined): string {
    return `${method} ${this.place.address}${key === undefined ? '' : `/${key}`}`;
  }
}

function factsOf(key: string, { headers }: Response): ObjectFacts {
  const length = Number(headers.get('Content-Length'));
  return {
    key,
    etag: headers.get('ETag') ?? '',
    size: wholeSize(headers.get('Content-Range'), length),
    lastModifiedMs: Date.parse(headers.get('Last-Modified') ?? ''),
  };
}

function given(
  values: Readonly<Record<string, string | undefined>> = {},
): readonly (readonly [string, string])[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
}

/** As the signature is made of it: RFC 3986, so that no character is encoded in two ways. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

async function* empty(): AsyncGenerator<Uint8Array, void, undefined> {
  // Nothing to give.
}
