// A replayable source of records in one text file: bounded memory, exact offsets, no silent repair.

import { isUtf8 } from 'node:buffer';
import { resolve } from 'node:path';
import { goesOnAt } from '../../../contracts/lost-input.js';
import type {
  CallOptions,
  Offsets,
  ReadableSource,
  RestoreOptions,
  SourceBatch,
  SourceInput,
  SourcePosition,
} from '../../../contracts/source.js';
import { kindOf, requirePath } from '../../../given.js';
import { custom, oneOf, whole, withDefaults, type OptionTable } from '../../../options.js';
import type { FileSystem } from '../../../runtime/file-system.js';
import { nodeFileSystem } from '../../../runtime/file-system-node.js';
import { BlockReader } from './block-reader.js';
import { parsePosition, toOffsets, type FilePosition } from './file-position.js';
import { Fingerprint } from './fingerprint.js';
import { InputCount } from './input-count.js';
import { openAt, type ResumeBy } from './opened-file.js';
import {
  countLineFeeds,
  RecordProblem,
  type BadRecordPolicy,
  type RecordFormat,
} from './record-format.js';
import { badRecordError, countLines, RecordParser, type ParsedRecords } from './record-parser.js';

/** Options that all file sources share. */
export interface FileSourceOptions<Rec> {
  /** Default `fail`. */
  readonly onBadRecord?: BadRecordPolicy<Rec>;
  /** Records in a batch, at most. Default 512. */
  readonly batchRecords?: number;
  /** A longer record ends the reading, whatever the policy. Default 16 MiB. */
  readonly maxRecordBytes?: number;
  /**
   * What has to be as it was for the reading to go on behind a position. `file`: the file, which may
   * have grown, or a whole copy of it in another place, of the same length; a file that was put in
   * its place is refused, also where it begins alike. `content`: what stands before the position.
   * Default `file`.
   */
  readonly resumeBy?: ResumeBy;
  readonly fileSystem?: FileSystem;
}

/** Of every source of files; each kind adds its own. */
export const fileSourceTable = {
  onBadRecord: custom(policyProblem, 'fail' as const),
  batchRecords: whole({ min: 1 }, 512),
  maxRecordBytes: whole({ min: 1 }, 16_777_216),
  resumeBy: oneOf(['file', 'content'], 'file'),
  fileSystem: custom(undefined, nodeFileSystem),
} satisfies OptionTable<FileSourceOptions<unknown>>;

export function fileSource<Rec>(
  path: string,
  format: RecordFormat<Rec>,
  options: FileSourceOptions<Rec>,
): ReadableSource<Rec> {
  requirePath('the path of a file source', path);
  const settings = withDefaults(options, fileSourceTable) as unknown as Settings<Rec>;
  return new FileSource(resolve(path), format, settings);
}

function policyProblem(policy: unknown): string | undefined {
  if (typeof policy === 'function' || policy === 'fail' || policy === 'skip') return undefined;
  const given = typeof policy === 'string' ? JSON.stringify(policy) : kindOf(policy);
  return `is ${given}, not "fail", "skip" or a function`;
}

type Settings<Rec> = Required<FileSourceOptions<Rec>>;

const start: FilePosition = {
  byteOffset: 0,
  lines: 0,
  skipped: 0,
  fingerprint: Fingerprint.atStart().toString(),
};

interface FileBatch<Rec> {
  readonly records: readonly Rec[];
  readonly position: FilePosition;
  readonly input: SourceInput;
}

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

  async restore(offsets: Offsets, { signal, acceptLoss = false }: RestoreOptions): Promise<void> {
    signal.throwIfAborted();
    const position = parsePosition(this.#path, offsets);
    try {
      await this.#check(position);
      this.#position = position;
    } catch (error) {
      if (!acceptLoss || goesOnAt(error) === undefined) throw error;
      await this.#check(start);
      this.#position = start;
    }
  }

  async #check(position: FilePosition): Promise<void> {
    const { fileSystem, resumeBy } = this.#settings;
    const { file } = await openAt(fileSystem, this.#path, { position, resumeBy });
    await file.close();
  }

  async *read({ signal }: CallOptions): AsyncGenerator<SourceBatch<Rec>> {
    for await (const { records, position, input } of this.#batches(this.#position, signal)) {
      this.#position = position;
      yield { records, offsets: toOffsets(position), input };
    }
  }

  async *#batches(from: FilePosition, signal: AbortSignal): AsyncGenerator<FileBatch<Rec>> {
    const { fileSystem, batchRecords, maxRecordBytes, resumeBy } = this.#settings;
    const opened = await openAt(fileSystem, this.#path, { position: from, resumeBy });
    const { file, fingerprint, identity } = opened;
    try {
      const blocks = new BlockReader(file, this.#path, this.#format, maxRecordBytes);
      const parser = await this.#parser(blocks);
      let { lines, skipped } = from;
      const input = new InputCount();
      let position: FilePosition | undefined;
      for await (const block of blocks.read(from.byteOffset, file.byteLength, signal)) {
        let begin = 0;
        for (let first = 0; first < block.ends.length; first += batchRecords) {
          signal.throwIfAborted();
          const ends = block.ends.slice(first, first + batchRecords);
          const bytes = block.bytes.subarray(begin, ends.at(-1));
          const place = { byteOffset: block.byteOffset + begin, lines };
          const batch = { bytes, ends: ends.map((recordEnd) => recordEnd - begin), place };
          const parsed = block.isHeader ? headerOf(bytes) : parser.parse(batch);
          fingerprint.advance(bytes);
          lines += countLineFeeds(bytes);
          skipped += parsed.skipped;
          begin += bytes.byteLength;
          const lineCount = block.isHeader ? (parsed.skippedLines.header ?? 0) : countLines(bytes);
          input.add(lineCount, parsed.skippedLines);
          const byteOffset = block.byteOffset + begin;
          const digest = fingerprint.toString();
          position = { byteOffset, lines, skipped, fingerprint: digest, identity };
          if (!block.isHeader) yield { records: parsed.records, position, input: input.take() };
        }
      }
      // A file that has nothing but a header: that is reported, too.
      if (position !== undefined && input.hasMore) {
        yield { records: [], position, input: input.take() };
      }
    } finally {
      await file.close();
    }
  }

  async #parser(blocks: BlockReader): Promise<RecordParser<Rec>> {
    const header = this.#format.hasHeader ? await this.#header(blocks) : undefined;
    try {
      const parse = this.#format.parser(header);
      return new RecordParser(this.#path, parse, this.#settings.onBadRecord);
    } catch (error) {
      throw badRecordError(this.#path, { byteOffset: 0, lines: 0 }, error);
    }
  }

  async #header(blocks: BlockReader): Promise<string> {
    const bytes = await blocks.header();
    if (isUtf8(bytes)) return bytes.toString('utf8');
    const problem = new RecordProblem('not UTF-8');
    throw badRecordError(this.#path, { byteOffset: 0, lines: 0 }, problem);
  }
}

/** A byte order mark alone is no line. */
function headerOf(bytes: Buffer): ParsedRecords<never> {
  const hasMark = bytes.subarray(0, 3).toString('hex') === 'efbbbf';
  const lines = countLines(hasMark ? bytes.subarray(3) : bytes);
  return { records: [], skipped: 0, skippedLines: lines === 0 ? {} : { header: lines } };
}
