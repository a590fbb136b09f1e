// Object storage of S3: `tidegate/s3`.

export { s3Storage } from './s3-storage.js';
export type { S3FetchOptions, S3PlaceOptions, S3SdkOptions } from './s3-storage.js';
export type { S3Signer } from './fetch-storage.js';
export type { S3CallOptions, S3Client, S3ObjectHead, S3ObjectName, S3Part } from './sdk-client.js';
