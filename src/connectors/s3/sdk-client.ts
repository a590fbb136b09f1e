// The slice of `S3` of @aws-sdk/client-s3 that the adapter calls.

/** Given to every call. */
export interface S3CallOptions {
  readonly abortSignal: AbortSignal;
}

/** Bucket and key of an object. */
export interface S3ObjectName {
  readonly Bucket: string;
  readonly Key: string;
}

/** What the service says of an object: tag, size, time. */
export interface S3ObjectHead {
  readonly ETag?: string | undefined;
  readonly ContentLength?: number | undefined;
  /** Of a range: `bytes 0-9/100`. */
  readonly ContentRange?: string | undefined;
  readonly LastModified?: Date | undefined;
}

/** A part of a multipart upload. */
export interface S3Part {
  readonly PartNumber?: number | undefined;
  readonly ETag?: string | undefined;
}

/** `new S3({ region })` of @aws-sdk/client-s3 fits. */
export interface S3Client {
  headObject(input: S3ObjectName, options: S3CallOptions): Promise<S3ObjectHead>;
  getObject(
    input: S3ObjectName & { readonly Range?: string | undefined },
    options: S3CallOptions,
  ): Promise<S3ObjectHead & { readonly Body?: unknown }>;
  listObjectsV2(
    input: {
      readonly Bucket: string;
      readonly Prefix: string;
      readonly StartAfter?: string | undefined;
      readonly MaxKeys: number;
    },
    options: S3CallOptions,
  ): Promise<{
    readonly IsTruncated?: boolean | undefined;
    readonly Contents?:
      | {
          readonly Key?: string | undefined;
          readonly ETag?: string | undefined;
          readonly Size?: number | undefined;
          readonly LastModified?: Date | undefined;
        }[]
      | undefined;
  }>;
  putObject(
    input: S3ObjectName & {
      readonly Body: Uint8Array;
      readonly IfMatch?: string | undefined;
      readonly IfNoneMatch?: string | undefined;
    },
    options: S3CallOptions,
  ): Promise<{ readonly ETag?: string | undefined }>;
  deleteObject(input: S3ObjectName, options: S3CallOptions): Promise<unknown>;
  createMultipartUpload(
    input: S3ObjectName,
    options: S3CallOptions,
  ): Promise<{ readonly UploadId?: string | undefined }>;
  uploadPart(
    input: S3ObjectName & {
      readonly UploadId: string;
      readonly PartNumber: number;
      readonly Body: Uint8Array;
    },
    options: S3CallOptions,
  ): Promise<{ readonly ETag?: string | undefined }>;
  listParts(
    input: S3ObjectName & {
      readonly UploadId: string;
      readonly PartNumberMarker?: string | undefined;
    },
    options: S3CallOptions,
  ): Promise<{
    readonly Parts?: S3Part[] | undefined;
    readonly IsTruncated?: boolean | undefined;
    readonly NextPartNumberMarker?: string | undefined;
  }>;
  completeMultipartUpload(
    input: S3ObjectName & {
      readonly UploadId: string;
      readonly MultipartUpload: { readonly Parts: S3Part[] };
    },
    options: S3CallOptions,
  ): Promise<{ readonly ETag?: string | undefined }>;
  abortMultipartUpload(
    input: S3ObjectName & { readonly UploadId: string },
    options: S3CallOptions,
  ): Promise<unknown>;
  listMultipartUploads(
    input: {
      readonly Bucket: string;
      readonly Prefix: string;
      readonly KeyMarker?: string | undefined;
      readonly UploadIdMarker?: string | undefined;
    },
    options: S3CallOptions,
  ): Promise<{
    readonly Uploads?:
      { readonly Key?: string | undefined; readonly UploadId?: string | undefined }[] | undefined;
    readonly IsTruncated?: boolean | undefined;
    readonly NextKeyMarker?: string | undefined;
    readonly NextUploadIdMarker?: string | undefined;
  }>;
}
