// A bucket, or a part of one, as the object storage of a store or a sink.

import type { ObjectStorage } from '../../contracts/object-storage.js';
import { contractProblem } from '../../given.js';
import { completeOptions, custom, required, text, type OptionTable } from '../../options.js';
import { FetchStorage, type S3Signer } from './fetch-storage.js';
import { placeOf } from './place.js';
import type { S3Client } from './sdk-client.js';
import { SdkStorage } from './sdk-storage.js';

/** Where the objects lie. */
export interface S3PlaceOptions {
  readonly bucket: string;
  /** Of all keys, such as `pipelines/orders`; a slash is put behind it. Default none. */
  readonly prefix?: string;
}

export interface S3SdkOptions extends S3PlaceOptions {
  /** `new S3({ region })` of `@aws-sdk/client-s3`. It keeps its credentials, retries and endpoint. */
  readonly client: S3Client;
  readonly endpoint?: undefined;
}

export interface S3FetchOptions extends S3PlaceOptions {
  /** `new AwsClient({ accessKeyId, secretAccessKey, region })` of `aws4fetch`. It only signs. */
  readonly client: S3Signer;
  /** Of the service, such as `https://s3.eu-central-1.amazonaws.com`. The bucket goes into the path. */
  readonly endpoint: string;
}

const optionTable = {
  client: required(custom(clientProblem)),
  endpoint: custom(endpointProblem),
  bucket: required(text()),
  prefix: custom(
    (value) => (typeof value === 'string' ? undefined : `is of type ${typeof value}, not text`),
    '',
  ),
} satisfies OptionTable<S3SdkOptions>;

/**
 * Object storage of S3, or of a service that speaks it. The rights needed below the prefix are GetObject,
 * PutObject, DeleteObject, AbortMultipartUpload, and for the bucket ListBucket and
 * ListBucketMultipartUploads. No error, log line or manifest holds a credential.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`.
 */
export function s3Storage(options: S3SdkOptions | S3FetchOptions): ObjectStorage {
  const { bucket, prefix } = completeOptions('s3Storage', options as S3SdkOptions, optionTable, {
    rules: () => [
      isSigner(options.client) === (options.endpoint !== undefined)
        ? undefined
        : 'endpoint goes with a client of aws4fetch, and a client of @aws-sdk/client-s3 has its own',
    ],
  });
  const place = placeOf(bucket, prefix);
  return options.endpoint === undefined
    ? new SdkStorage(options.client, place)
    : new FetchStorage(options.client, options.endpoint, place);
}

function clientProblem(value: unknown): string | undefined {
  if (isSigner(value)) return undefined;
  const problem = contractProblem(value, ['putObject', 'getObject', 'listObjectsV2']);
  if (problem === undefined) return undefined;
  return `${problem}: give new S3({ … }) of @aws-sdk/client-s3, or new AwsClient({ … }) of aws4fetch`;
}

function isSigner(value: unknown): value is S3Signer {
  return contractProblem(value, ['sign']) === undefined;
}

function endpointProblem(value: unknown): string | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return 'is no URL';
  const { protocol, username, password } = new URL(value);
  if (username !== '' || password !== '')
    return 'has credentials in it, which belong into the client';
  return /^https?:$/.test(protocol) ? undefined : `begins with ${protocol}, not with https:`;
}
