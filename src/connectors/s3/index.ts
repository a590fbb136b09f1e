// Object storage of S3, and the sink that writes to it: `tidegate/s3`.

export { committedObjects } from '../objects/committed-objects.js';
export type { CommittedObject, CommittedObjectsOptions } from '../objects/committed-objects.js';
export { objectSink } from '../objects/sink.js';
export type { ObjectSinkOptions } from '../objects/sink.js';

export { s3Storage } from './s3-storage.js';
export type { S3FetchOptions, S3PlaceOptions, S3SdkOptions } from './s3-storage.js';
export type { S3Signer } from './fetch-storage.js';
export type { S3CallOptions, S3Client, S3ObjectHead, S3ObjectName, S3Part } from './sdk-client.js';
