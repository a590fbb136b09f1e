// A replayable source of records in one text file: bounded memory, exact offsets, no silent repair.

import { isUtf8 } from 'node:buffer';
import { resolve } from 'node:path';
import type {
  CallOptions,
  Offsets,
  ReadableSource,
  SourceBatch,
  SourcePosition,
} from '../../../contracts/source.js';
import { TidegateError, toError } from '../../../errors.js';
import { requirePath, type NamesOf } from '../../../given.js';
import type { FileSystem } from '../../../runtime/file-system.js';
import { nodeFileSystem } from '../../../runtime/file-system-node.js';
import { BlockReader } from './block-reader.js';
import { parsePosition, toOffsets, type FilePosition } from './file-position.js';
import { Fingerprint } from './fingerprint.js';
import { changed, openAt } from './opened-file.js';
import { RecordProblem, type BadRecordPolicy, type RecordFormat } from './record-format.js';

export interface FileSourceOptions<Rec> {
  /** Default `fail`. */
  readonly onBadRecord?: BadRecordPolicy<Rec>;
  /** Records in a batch, at most. Default 512. */
  readonly batchRecords?: number;
  /** A longer record ends the reading, whatever the policy. Default 16 MiB. */
  readonly recordMaxBytes?: number;
  readonly fileSystem?: FileSystem;
}

export const fileSourceNames: NamesOf<FileSourceOptions<unknown>> = {
  onBadRecord: true,
  batchRecords: true,
  recordMaxBytes: true,
  fileSystem: true,
};

export function fileSource<Rec>(
  path: string,
  format: RecordFormat<Rec>,
  options: FileSourceOptions<Rec>,
): ReadableSource<Rec> {
  requirePath('the path of a file source', path);
  const { batchRecords = 512, recordMaxBytes = 16_777_216, onBadRecord = 'fail' } = options;
  for (const [name, value] of Object.entries({ batchRecords, recordMaxBytes })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new TidegateError('TIDEGATE_OPTIONS', `${path}: ${name} ${value} is not 1 or more`);
  }
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  const settings = { batchRecords, recordMaxBytes, onBadRecord, fileSystem };
  return new FileSource(resolve(path), format, settings);
}

type Settings<Rec> = Required<FileSourceOptions<Rec>>;

const start: FilePosition = {
  byteOffset: 0,
  lines: 0,
  skipped: 0,
  fingerprint: Fingerprint.atStart().toString(),
};

class FileSource<Rec> implements ReadableSource<Rec> {
  readonly #path: string;
  readonly #format: RecordFormat<Rec>;
  readonly #settings: Settings<Rec>;
  #position = start;

  constructor(path: string, format: RecordFormat<Rec>, settings: Settings<Rec>) {
    this.#path = path;
    this.#format = format;
    this.#settings = settings;
  }

  position(): SourcePosition {
    const metadata = { connector: this.#format.name, path: this.#path };
    return { offsets: toOffsets(this.#position), metadata };
  }

  async restore(offsets: Offsets, { signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    const position = parsePosition(this.#path, offsets);
    const { file } = await openAt(this.#settings.fileSystem, this.#path, position);
    await file.close();
    this.#position = position;
  }

  async *read({ signal }: CallOptions): AsyncGenerator<SourceBatch<Rec>> {
    for await (const { records, position } of this.#batches(this.#position, signal)) {
      this.#position = position;
      yield { records, offsets: toOffsets(position) };
    }
  }

  async *replay(from: Offsets, to: Offsets, { signal }: CallOptions): AsyncGenerator<Rec> {
    const end = parsePosition(this.#path, to);
    let reached = parsePosition(this.#path, from);
    for await (const { records, position } of this.#batches(reached, signal, end.byteOffset)) {
      reached = position;
      yield* records;
    }
    // Also when the range is empty: the same offsets, and the same bytes before them.
    if (reached.byteOffset === end.byteOffset && reached.fingerprint === end.fingerprint) return;
    throw changed(this.#path, `was changed between two readings before byte ${end.byteOffset}`);
  }

  async *#batches(
    from: FilePosition,
    signal: AbortSignal,
    end?: number,
  ): AsyncGenerator<{ readonly records: readonly Rec[]; readonly position: FilePosition }> {
    const { fileSystem, batchRecords, recordMaxBytes } = this.#settings;
    const { file, fingerprint } = await openAt(fileSystem, this.#path, from);
    try {
      const blocks = new BlockReader(file, this.#path, this.#format, recordMaxBytes);
      const parse = await this.#parser(blocks);
      let { lines, skipped } = from;
      for await (const block of blocks.read(from.byteOffset, end ?? file.byteLength, signal)) {
        let begin = 0;
        for (let first = 0; first < block.ends.length; first += batchRecords) {
          signal.throwIfAborted();
          const ends = block.ends.slice(first, first + batchRecords);
          const bytes = block.bytes.subarray(begin, ends.at(-1));
          const place = { byteOffset: block.byteOffset + begin, lines };
          const batch = { bytes, ends: ends.map((recordEnd) => recordEnd - begin), place };
          const parsed = block.isHeader ? noRecords : this.#parse(parse, batch);
          fingerprint.advance(bytes);
          lines += countLineFeeds(bytes);
          skipped += parsed.skipped;
          begin += bytes.byteLength;
          const byteOffset = block.byteOffset + begin;
          const position = { byteOffset, lines, skipped, fingerprint: fingerprint.toString() };
          if (!block.isHeader) yield { records: parsed.records, position };
        }
      }
    } finally {
      await file.close();
    }
  }

  async #parser(blocks: BlockReader): Promise<Parse<Rec>> {
    if (!this.#format.hasHeader) return this.#format.parser(undefined);
    const bytes = await blocks.header();
    try {
      if (!isUtf8(bytes)) throw new RecordProblem('not UTF-8');
      return this.#format.parser(bytes.toString('utf8'));
    } catch (error) {
      throw this.#badRecordError({ byteOffset: 0, lines: 0 }, error);
    }
  }

  #parse(parse: Parse<Rec>, batch: Batch): Parsed<Rec> {
    const { bytes } = batch;
    // One call for the batch: nearly always all is well.
    if (isUtf8(bytes)) {
      try {
        return { records: parse(bytes.toString('utf8')), skipped: 0 };
      } catch (error) {
        if (!(error instanceof RecordProblem)) throw error;
      }
    }
    return this.#parseOneByOne(parse, batch);
  }

  #parseOneByOne(parse: Parse<Rec>, { bytes, ends, place }: Batch): Parsed<Rec> {
    const records: Rec[] = [];
    let skipped = 0;
    let begin = 0;
    let { lines } = place;
    for (const end of ends) {
      const one = bytes.subarray(begin, end);
      try {
        if (!isUtf8(one)) throw new RecordProblem('not UTF-8');
        records.push(...parse(one.toString('utf8')));
      } catch (error) {
        const at = { byteOffset: place.byteOffset + begin, lines };
        const instead = this.#replace(at, one, error);
        if (instead === undefined) skipped += 1;
        else records.push(instead);
      }
      lines += countLineFeeds(one);
      begin = end;
    }
    return { records, skipped };
  }

  #replace(place: Place, bytes: Buffer, error: unknown): Rec | undefined {
    const policy = this.#settings.onBadRecord;
    if (policy === 'fail' || !(error instanceof RecordProblem)) {
      throw this.#badRecordError(place, error);
    }
    if (policy === 'skip') return undefined;
    const { byteOffset, lines } = place;
    const text = bytes.toString('utf8');
    return policy({
      path: this.#path,
      line: lines + 1,
      byteOffset,
      reason: error.message,
      text,
    });
  }

  #badRecordError({ byteOffset, lines }: Place, error: unknown): Error {
    if (!(error instanceof RecordProblem)) return toError(error);
    const code =
      error.message === 'not UTF-8' ? 'TIDEGATE_SOURCE_ENCODING' : 'TIDEGATE_SOURCE_RECORD';
    const where = `${this.#path}, line ${lines + 1}, byte ${byteOffset}`;
    const details = { path: this.#path, line: lines + 1, byteOffset };
    return new TidegateError(code, `${where}: ${error.message}`, { details });
  }
}

type Parse<Rec> = (text: string) => readonly Rec[];

interface Place {
  readonly byteOffset: number;
  readonly lines: number;
}

interface Batch {
  readonly bytes: Buffer;
  readonly ends: readonly number[];
  readonly place: Place;
}

interface Parsed<Rec> {
  readonly records: readonly Rec[];
  readonly skipped: number;
}

const noRecords = { records: [], skipped: 0 };

function countLineFeeds(bytes: Buffer): number {
  let count = 0;
  for (let index = bytes.indexOf(0x0a); index >= 0; index = bytes.indexOf(0x0a, index + 1)) {
    count += 1;
  }
  return count;
}
