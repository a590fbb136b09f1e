// Where the objects of one storage lie: a bucket, a prefix, and how keys are told apart from it.

import type { ObjectCondition } from '../../contracts/object-storage.js';

export interface S3Place {
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  /** `s3://bucket/prefix`. */
  readonly address: string;
}

export function placeOf(bucket: string, prefix: string): S3Place {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '');
  const folder = trimmed === '' ? '' : `${trimmed}/`;
  return { bucket, prefix: folder, address: `s3://${bucket}/${folder}`.replace(/\/$/, '') };
}

/** The key in the bucket as the storage's own: without its prefix. */
export function ownKey({ prefix }: S3Place, key: string): string {
  return key.startsWith(prefix) ? key.slice(prefix.length) : key;
}

/** `bytes=0-9` of a range whose end is exclusive. */
export function rangeHeader(
  range: { readonly start: number; readonly end: number } | undefined,
): string | undefined {
  return range === undefined ? undefined : `bytes=${range.start}-${range.end - 1}`;
}

/** The size of the whole object: behind the slash of a content range, where there is one. */
export function wholeSize(contentRange: string | undefined | null, length: number): number {
  const size = /\/(\d+)$/.exec(contentRange ?? '')?.[1];
  return size === undefined ? length : Number(size);
}

export function conditionHeaders(condition: ObjectCondition | undefined): {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
} {
  if (condition === undefined) return {};
  return 'ifAbsent' in condition ? { ifNoneMatch: '*' } : { ifMatch: condition.ifMatch };
}
