// What tells one text format from another: where its records end, and what they mean.

export interface RecordFormat<Rec> {
  /** As errors name it. */
  readonly name: string;
  /** Whether the first record of a file names the columns. */
  readonly hasHeader: boolean;
  /**
   * Ends of the whole records in `bytes`, which begin at a record: each behind its line feed.
   *
   * @param isLast Nothing follows `bytes`: what is left without a line feed is a record too.
   */
  ends(bytes: Buffer, isLast: boolean): readonly number[];
  /** @throws RecordProblem for a header that names no columns. */
  parser(header: string | undefined): ParseRecords<Rec>;
}

/**
 * Parses `count` records that stand one behind the other; a blank line gives none.
 *
 * @throws RecordProblem when any of them cannot be parsed.
 */
export type ParseRecords<Rec> = (text: string, count: number) => ParsedText<Rec>;

export interface ParsedText<Rec> {
  readonly records: readonly Rec[];
  readonly blankLines: number;
}

/** Why a record cannot be parsed, without its content: that may be a secret. */
export class RecordProblem extends Error {
  override readonly name = 'RecordProblem';

  /** @param reason What it is counted under; the message may say more. */
  constructor(
    readonly reason: string,
    message = reason,
  ) {
    super(message);
  }
}

/** A record that cannot be parsed. */
export interface BadRecord {
  readonly path: string;
  /** Its first line, from 1. */
  readonly line: number;
  readonly byteOffset: number;
  /** Why it cannot be parsed, without its content. */
  readonly reason: string;
  /** As it stands in the file; bytes that are not UTF-8 are replaced. */
  readonly text: string;
}

/**
 * What becomes of a record that cannot be parsed: `fail` ends the reading; `skip` counts it, in the
 * offsets, so that the count is as exact as the output, and with its reason in the run's report; a
 * function gives a record to hand out in its
 * place, which can flow to a dead-letter sink like any other, or undefined to skip it.
 */
export type BadRecordPolicy<Rec> = 'fail' | 'skip' | ((bad: BadRecord) => Rec | undefined);

export const lineFeed = 0x0a;

/** Ends of lines, for formats without quoting. */
export function endsOfLines(bytes: Buffer, isLast: boolean): readonly number[] {
  const ends: number[] = [];
  let start = 0;
  for (;;) {
    const index = bytes.indexOf(lineFeed, start);
    if (index < 0) break;
    start = index + 1;
    ends.push(start);
  }
  if (isLast && start < bytes.byteLength) ends.push(bytes.byteLength);
  return ends;
}

export function countLineFeeds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) count += 1;
  return count;
}
