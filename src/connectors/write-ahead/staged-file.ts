// One epoch's output in a file: a record on a line, then a line that says that it is whole.

import { createHash } from 'node:crypto';
import { TidegateError } from '../../errors.js';
import { epoch, type Epoch } from '../../ids.js';
import type { FileSystem } from '../../runtime/file-system.js';
import { parseJsonObject } from '../../runtime/small-files.js';
import { blocksOf, type EpochFacts } from '../staging/staged-output.js';
import { codecOf, type NamedCodec } from './codec.js';

interface Trailer {
  readonly records: number;
  readonly sha256: string;
  /** Explains a marker and is no key; files of older versions do not have it. */
  readonly epoch?: unknown;
  /** Name of the codec; files of older versions do not have it. */
  readonly codec?: unknown;
}

const readBytes = 262_144;
const newline = 0x0a;

/** The last line, behind the records of a staged file. */
export function trailerOf(
  { recordCount: records, sha256 }: EpochFacts,
  of: { readonly epoch: Epoch; readonly codec: string },
): string {
  const trailer: Trailer = { records, sha256, ...of };
  return `${JSON.stringify(trailer)}\n`;
}

export interface StagedFile<Rec> {
  readonly epoch: Epoch;
  /** In batches. */
  readonly records: AsyncIterable<readonly Rec[]>;
}

/**
 * Opens a staged file after the whole of it was verified: half an epoch is never applied.
 *
 * @param wayOut What a person can do about damage.
 * @throws TidegateError `TIDEGATE_WRITE_AHEAD_CORRUPT` with both digests.
 */
export async function openStaged<Rec>(
  fileSystem: FileSystem,
  path: string,
  { codecs, wayOut }: { readonly codecs: readonly NamedCodec<Rec>[]; readonly wayOut: string },
): Promise<StagedFile<Rec>> {
  const { epoch: found, codec: name } = await requireUndamaged(fileSystem, path, wayOut);
  const isEpoch = typeof found === 'number' && Number.isSafeInteger(found) && found >= 1;
  const records = readStaged(fileSystem, path, codecOf(name, path, codecs));
  return { epoch: epoch(isEpoch ? found : 1), records };
}

async function* readStaged<Rec>(
  fileSystem: FileSystem,
  path: string,
  codec: NamedCodec<Rec>,
): AsyncGenerator<readonly Rec[]> {
  // The last line is the trailer: each batch is handed out when a later line is known to follow.
  let held: string | undefined;
  for await (const lines of linesOf(fileSystem, path)) {
    const batch = held === undefined ? [...lines] : [held, ...lines];
    held = batch.pop();
    if (batch.length > 0) yield batch.map((line) => codec.decode(line));
  }
}

async function requireUndamaged(
  fileSystem: FileSystem,
  path: string,
  wayOut: string,
): Promise<Trailer> {
  const hash = createHash('sha256');
  let records = -1;
  let held: string | undefined;
  for await (const lines of linesOf(fileSystem, path)) {
    for (const line of lines) {
      if (held !== undefined) hash.update(`${held}\n`);
      held = line;
      records += 1;
    }
  }
  const trailer = parseTrailer(held);
  const sha256 = hash.digest('hex');
  if (trailer?.records === records && trailer.sha256 === sha256) return trailer;
  const expected =
    trailer === undefined
      ? 'its last line, which says what was staged, cannot be read'
      : `${trailer.records} records with SHA-256 ${trailer.sha256} were staged`;
  throw new TidegateError(
    'TIDEGATE_WRITE_AHEAD_CORRUPT',
    `${path} was damaged after it was staged: it has ${records} records with SHA-256 ${sha256}, ` +
      `and ${expected}: ${wayOut}`,
    { details: { path, expected: trailer?.sha256, found: sha256 } },
  );
}

async function* linesOf(fileSystem: FileSystem, path: string): AsyncGenerator<readonly string[]> {
  let rest = Buffer.alloc(0);
  for await (const block of blocksOf(fileSystem, path, readBytes)) {
    const bytes = Buffer.concat([rest, block]);
    const end = bytes.lastIndexOf(newline) + 1;
    rest = bytes.subarray(end);
    if (end > 0) {
      yield bytes
        .subarray(0, end - 1)
        .toString()
        .split('\n');
    }
  }
  if (rest.byteLength > 0) yield [rest.toString()];
}

function parseTrailer(line: string | undefined): Trailer | undefined {
  const { records, sha256, epoch: found, codec } = parseJsonObject(Buffer.from(line ?? '')) ?? {};
  if (typeof records !== 'number' || typeof sha256 !== 'string') return undefined;
  return { records, sha256, epoch: found, codec };
}
