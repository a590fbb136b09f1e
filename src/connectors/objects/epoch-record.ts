// One epoch as an object: what was prepared, who holds it, and what was decided about it.

import { createHash } from 'node:crypto';
import type { UploadedPart } from '../../contracts/object-storage.js';
import type { SinkOwner } from '../../contracts/sink.js';
import type { CheckpointId, StoreId } from '../../ids.js';
import { parseJsonObject } from '../../runtime/small-files.js';
import { isPartName } from './layout.js';
import { corrupt } from './objects-error.js';

/** One object of an epoch's output. */
export interface EpochObject {
  /** Below the prefix. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  readonly recordCount: number;
  /** Of an object that was put as a whole. */
  readonly etag?: string | undefined;
  /** Of an object that appears when its upload is completed: the tags of its parts, from part 1 on. */
  readonly upload?: { readonly id: string; readonly etags: readonly string[] } | undefined;
}

export type EpochState = 'prepared' | 'committed' | 'discarded';

export interface EpochRecord {
  readonly state: EpochState;
  readonly storeId: StoreId;
  readonly pipeline: string;
  readonly sink: string;
  /** Which has prepared it. */
  readonly generation: number;
  readonly checkpointId: CheckpointId;
  readonly epoch: number;
  /** By the clock of the process that has prepared it. */
  readonly preparedAtMs: number;
  /** The generation that may decide: each opening takes over what is prepared. */
  readonly holder: number;
  /** Of this version, so that no two versions have the same entity tag. */
  readonly nonce: string;
  readonly objects: readonly EpochObject[];
}

const formatVersion = 1;

export function encodeRecord(record: EpochRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify({ formatVersion, ...record })}\n`);
}

/** @throws TidegateError `TIDEGATE_OBJECTS_CORRUPT`. */
export function parseRecord(bytes: Uint8Array, id: CheckpointId, place: string): EpochRecord {
  const value = parseJsonObject(bytes);
  if (value === undefined || !isRecord(value) || value.checkpointId !== id) {
    throw corrupt(
      `${place} is not the record of an epoch: it was damaged; bring it back from a copy`,
    );
  }
  return value;
}

function isRecord(
  value: Readonly<Record<string, unknown>>,
): value is Record<string, unknown> & EpochRecord {
  const { state, storeId, pipeline, sink, nonce, objects } = value;
  const numbers = ['generation', 'checkpointId', 'epoch', 'preparedAtMs', 'holder'];
  return (
    value.formatVersion === formatVersion &&
    (state === 'prepared' || state === 'committed' || state === 'discarded') &&
    [storeId, pipeline, sink, nonce].every(isText) &&
    numbers.every((name) => Number.isSafeInteger(value[name])) &&
    Array.isArray(objects) &&
    objects.every(isEpochObject)
  );
}

function isEpochObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, size, sha256, recordCount, etag, upload } = value as Record<string, unknown>;
  // The name becomes a key that is completed or deleted: it must be one of ours.
  if (typeof name !== 'string' || !isPartName(name) || !isText(sha256)) return false;
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(recordCount)) return false;
  if (upload === undefined) return isText(etag);
  if (typeof upload !== 'object' || upload === null) return false;
  const { id, etags } = upload as Record<string, unknown>;
  return isText(id) && Array.isArray(etags) && etags.every(isText);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export function partsOf(etags: readonly string[]): readonly UploadedPart[] {
  return etags.map((etag, index) => ({ partNumber: index + 1, etag }));
}

/** The commit handle: whose it is, and a digest of all that was prepared. */
export function handleOf(record: EpochRecord): string {
  const { generation, checkpointId, epoch, storeId } = record;
  const hash = createHash('sha256').update(JSON.stringify([storeId, epoch]));
  for (const { name, size, sha256, recordCount, etag, upload } of record.objects) {
    hash.update(JSON.stringify([name, size, sha256, recordCount, etag, upload?.id, upload?.etags]));
  }
  return `${handlePrefix(record)}${generation}/${checkpointId}/${hash.digest('hex')}`;
}

/** Undefined for a handle that this sink did not give. */
export function idOfHandle(
  owner: Pick<SinkOwner, 'pipeline' | 'sink'>,
  handle: string,
): number | undefined {
  const prefix = handlePrefix(owner);
  const rest = handle.startsWith(prefix) ? handle.slice(prefix.length) : '';
  const id = Number(/^\d{1,9}\/(\d{1,16})\/[0-9a-f]{64}$/.exec(rest)?.[1]);
  return Number.isSafeInteger(id) && id >= 1 ? id : undefined;
}

/** A name may hold any character, also a slash; half a surrogate pair has no place in a URI. */
function handlePrefix({ pipeline, sink }: { readonly pipeline: string; readonly sink: string }) {
  return `${[pipeline, sink].map((name) => encodeURIComponent(name.toWellFormed())).join('/')}/`;
}
