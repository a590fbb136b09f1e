// Bytes of a file as records: a batch at once while all is well, one by one to find what is bad.

import { isUtf8 } from 'node:buffer';
import { TidegateError, toError } from '../../../errors.js';
import {
  countLineFeeds,
  lineFeed,
  RecordProblem,
  type BadRecordPolicy,
  type ParseRecords,
} from './record-format.js';

/** A place in the file. */
export interface Place {
  readonly byteOffset: number;
  /** Line feeds before it. */
  readonly lines: number;
}

/** Whole records in a row. */
export interface RecordBytes {
  readonly bytes: Buffer;
  readonly ends: readonly number[];
  readonly place: Place;
}

export interface ParsedRecords<Rec> {
  readonly records: readonly Rec[];
  /** Bad records that were left out. */
  readonly skipped: number;
  /** Lines that gave no record, by reason. */
  readonly skippedLines: Readonly<Record<string, number>>;
}

export class RecordParser<Rec> {
  readonly #path: string;
  readonly #parse: ParseRecords<Rec>;
  readonly #policy: BadRecordPolicy<Rec>;

  constructor(path: string, parse: ParseRecords<Rec>, policy: BadRecordPolicy<Rec>) {
    this.#path = path;
    this.#parse = parse;
    this.#policy = policy;
  }

  /** @throws TidegateError `TIDEGATE_SOURCE_RECORD` or `TIDEGATE_SOURCE_ENCODING`, as the policy is. */
  parse(batch: RecordBytes): ParsedRecords<Rec> {
    const { bytes, ends } = batch;
    // One call for the batch: nearly always all is well.
    if (isUtf8(bytes)) {
      try {
        const { records, blankLines } = this.#parse(bytes.toString('utf8'), ends.length);
        return { records, skipped: 0, skippedLines: blankLines === 0 ? {} : { blank: blankLines } };
      } catch (error) {
        if (!(error instanceof RecordProblem)) throw error;
      }
    }
    return this.#parseOneByOne(batch);
  }

  #parseOneByOne({ bytes, ends, place }: RecordBytes): ParsedRecords<Rec> {
    const records: Rec[] = [];
    const skippedLines: Record<string, number> = {};
    let skipped = 0;
    let begin = 0;
    let { lines } = place;
    const skip = (reason: string, count: number): void => {
      skippedLines[reason] = (skippedLines[reason] ?? 0) + count;
    };
    for (const end of ends) {
      const one = bytes.subarray(begin, end);
      try {
        if (!isUtf8(one)) throw new RecordProblem('not UTF-8');
        const parsed = this.#parse(one.toString('utf8'), 1);
        records.push(...parsed.records);
        if (parsed.blankLines > 0) skip('blank', parsed.blankLines);
      } catch (error) {
        const at = { byteOffset: place.byteOffset + begin, lines };
        const instead = this.#replace(at, one, error);
        if (instead !== undefined) records.push(instead);
        else {
          skipped += 1;
          skip(error instanceof RecordProblem ? error.reason : 'bad', countLines(one));
        }
      }
      lines += countLineFeeds(one);
      begin = end;
    }
    return { records, skipped, skippedLines };
  }

  #replace(place: Place, bytes: Buffer, error: unknown): Rec | undefined {
    const policy = this.#policy;
    if (policy === 'fail' || !(error instanceof RecordProblem)) {
      throw badRecordError(this.#path, place, error);
    }
    if (policy === 'skip') return undefined;
    const { byteOffset, lines } = place;
    const text = bytes.toString('utf8');
    const reason = error.message;
    return policy({ path: this.#path, line: lines + 1, byteOffset, reason, text });
  }
}

export function badRecordError(path: string, { byteOffset, lines }: Place, error: unknown): Error {
  if (!(error instanceof RecordProblem)) return toError(error);
  const code = error.reason === 'not UTF-8' ? 'TIDEGATE_SOURCE_ENCODING' : 'TIDEGATE_SOURCE_RECORD';
  const where = `${path}, line ${lines + 1}, byte ${byteOffset}`;
  const details = { path, line: lines + 1, byteOffset };
  return new TidegateError(code, `${where}: ${error.message}`, { details });
}

/** The last line of a file may lack its line feed. */
export function countLines(bytes: Buffer): number {
  const isCut = bytes.byteLength > 0 && bytes.at(-1) !== lineFeed;
  return countLineFeeds(bytes) + (isCut ? 1 : 0);
}
