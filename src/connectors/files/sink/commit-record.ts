// The commit record of one epoch: what was prepared; renamed among the markers it is the commit.

import { TidegateError } from '../../../errors.js';
import { readSmallFile, type FileSystem } from '../../../runtime/file-system.js';
import { parseJsonObject } from '../../../runtime/small-files.js';
import { idOfPartName } from './layout.js';

/** The output of one epoch as it was when it was synced. */
export interface PartFacts {
  readonly name: string;
  readonly byteLength: number;
  readonly sha256: string;
  readonly recordCount: number;
}

export interface CommitRecord {
  readonly storeId: string;
  readonly pipeline: string;
  readonly sink: string;
  readonly generation: number;
  readonly checkpointId: number;
  readonly epoch: number;
  /** Undefined for an epoch without records. */
  readonly part: PartFacts | undefined;
}

const formatVersion = 1;
const maxRecordBytes = 1_048_576;

export function encodeRecord(record: CommitRecord): Uint8Array {
  return Buffer.from(
    `${JSON.stringify({ formatVersion, ...record, part: record.part ?? null })}\n`,
  );
}

/**
 * Reads a record before it is acted on.
 *
 * @throws TidegateError `TIDEGATE_FILES_CORRUPT`; the file system's `ENOENT` passes.
 */
export async function readRecord(fileSystem: FileSystem, path: string): Promise<CommitRecord> {
  const bytes = await readSmallFile(fileSystem, path, maxRecordBytes);
  const record = bytes === undefined ? undefined : parseRecord(bytes);
  if (record !== undefined) return record;
  throw new TidegateError(
    'TIDEGATE_FILES_CORRUPT',
    `${path} is not a commit record: it was damaged; bring it back from a copy`,
  );
}

function parseRecord(bytes: Uint8Array): CommitRecord | undefined {
  const value = parseJsonObject(bytes);
  if (value === undefined) return undefined;
  const { storeId, pipeline, sink, generation, checkpointId, epoch, part } = value;
  const texts = [storeId, pipeline, sink].every((text) => typeof text === 'string');
  const counters = [generation, checkpointId, epoch].every(Number.isSafeInteger);
  if (!texts || !counters || (part !== null && !isPart(part))) return undefined;
  return { ...(value as unknown as CommitRecord), part: part ?? undefined };
}

function isPart(value: unknown): value is PartFacts {
  if (typeof value !== 'object' || value === null) return false;
  const { name, byteLength, sha256 } = value as Record<string, unknown>;
  // The name becomes a path: it must be one of ours, and no path of its own.
  if (typeof name !== 'string' || idOfPartName(name) === undefined || name.includes('/')) {
    return false;
  }
  return Number.isSafeInteger(byteLength) && typeof sha256 === 'string';
}
