// One epoch's output in a file: a record on a line, then a line that says that it is whole.

import { createHash } from 'node:crypto';
import { TidegateError } from '../../errors.js';
import { epoch, type Epoch } from '../../ids.js';
import { briefly, type FileSystem, type WritableFile } from '../../runtime/file-system.js';
import { parseJsonObject, unlessMissing } from '../../runtime/small-files.js';
import { codecOf, type NamedCodec } from './codec.js';

interface Trailer {
  readonly records: number;
  readonly sha256: string;
  /** Explains a marker and is no key; files of older versions do not have it. */
  readonly epoch?: unknown;
  /** Name of the codec; files of older versions do not have it. */
  readonly codec?: unknown;
}

const writeBytes = 262_144;
const readBytes = 262_144;
const newline = 0x0a;

/** Collects records into a file that is not durable before `finish` has returned. */
export class StagedWriter {
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  /** Opened when there is enough to write, or at the end: many sinks share the file descriptors. */
  #file: WritableFile | undefined;
  readonly #codec: string;
  readonly #hash = createHash('sha256');
  #text = '';
  #records = 0;
  #isClosed = false;

  /** @param codec Name of the one that makes the lines. */
  constructor(fileSystem: FileSystem, path: string, codec: string) {
    this.#fileSystem = fileSystem;
    this.#path = path;
    this.#codec = codec;
  }

  get recordCount(): number {
    return this.#records;
  }

  /** @param lines A record each. */
  async add(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      this.#text += `${line}\n`;
      this.#records += 1;
    }
    if (this.#text.length >= writeBytes) await this.#write();
  }

  /** @returns The SHA-256 of the records. */
  finish(epoch: Epoch): Promise<string> {
    // Open already: it waits for no turn, because those that have one may wait for it.
    if (this.#file !== undefined) return this.#complete(epoch);
    return briefly(this.#fileSystem, () => this.#complete(epoch));
  }

  async #complete(epoch: Epoch): Promise<string> {
    try {
      await this.#write();
      const file = await this.#opened();
      const sha256 = this.#hash.digest('hex');
      const trailer: Trailer = { records: this.#records, sha256, epoch, codec: this.#codec };
      await file.write(Buffer.from(`${JSON.stringify(trailer)}\n`));
      await file.sync();
      return sha256;
    } finally {
      await this.abandon();
    }
  }

  /** Gives up what is open; the file is removed by the next owner. */
  async abandon(): Promise<void> {
    this.#isClosed = true;
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #write(): Promise<void> {
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    this.#hash.update(bytes);
    if (bytes.byteLength > 0) await (await this.#opened()).write(bytes);
  }

  async #opened(): Promise<WritableFile> {
    if (this.#file !== undefined) return this.#file;
    // What a session before this one, or an epoch that was given up, has left.
    await unlessMissing(this.#fileSystem.removeFile(this.#path));
    const file = await this.#fileSystem.createFile(this.#path);
    if (this.#isClosed) {
      // Given up meanwhile: nothing else would close it.
      await file.close();
      throw new Error('the epoch was given up');
    }
    this.#file = file;
    return file;
  }
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
  const file = await fileSystem.openFile(path);
  try {
    let rest = Buffer.alloc(0);
    for (let byteOffset = 0; byteOffset < file.byteLength;) {
      const target = Buffer.alloc(Math.min(readBytes, file.byteLength - byteOffset));
      const filled = await file.read(target, byteOffset);
      if (filled === 0) break;
      byteOffset += filled;
      const bytes = Buffer.concat([rest, target.subarray(0, filled)]);
      const end = bytes.lastIndexOf(newline) + 1;
      rest = bytes.subarray(end);
      if (end > 0)
        yield bytes
          .subarray(0, end - 1)
          .toString()
          .split('\n');
    }
    if (rest.byteLength > 0) yield [rest.toString()];
  } finally {
    await file.close();
  }
}

function parseTrailer(line: string | undefined): Trailer | undefined {
  const { records, sha256, epoch: found, codec } = parseJsonObject(Buffer.from(line ?? '')) ?? {};
  if (typeof records !== 'number' || typeof sha256 !== 'string') return undefined;
  return { records, sha256, epoch: found, codec };
}
