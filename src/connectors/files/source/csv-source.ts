// Records from a CSV file (RFC 4180): csv-parse reads the fields, we find where records end.

import { CsvError, parse } from 'csv-parse/sync';
import type { ReadableSource } from '../../../contracts/source.js';
import { TidegateError } from '../../../errors.js';
import { requireOptions, type NamesOf } from '../../../given.js';
import { fileSource, fileSourceNames, type FileSourceOptions } from './file-source.js';
import { lineFeed, RecordProblem, type RecordFormat } from './record-format.js';

export interface CsvSourceOptions<Rec> extends FileSourceOptions<Rec> {
  /** Names of the columns. Default: the first record of the file names them. */
  readonly columns?: readonly string[];
  /** One ASCII character. Default a comma. */
  readonly delimiter?: string;
  /** One ASCII character; doubled inside a quoted field it stands for itself. Default `"`. */
  readonly quote?: string;
}

const knownOptions: NamesOf<CsvSourceOptions<unknown>> = {
  ...fileSourceNames,
  columns: true,
  delimiter: true,
  quote: true,
};

/** A record by the names of its columns; all values are text. */
export type CsvRecord = Readonly<Record<string, string>>;

/**
 * Reads a CSV file, UTF-8, as it is when the reading begins. A record with more or fewer fields than
 * columns is a bad record.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`.
 */
export function csvSource<Rec = CsvRecord>(
  path: string,
  options: CsvSourceOptions<Rec> = {},
): ReadableSource<Rec> {
  requireOptions('csvSource', options, knownOptions);
  const { columns, delimiter = ',', quote = '"' } = options;
  checkOptions({ columns, delimiter, quote });
  const codes = { quote: quote.charCodeAt(0), delimiter: delimiter.charCodeAt(0) };
  const rowsOf = (text: string): string[][] => parseRows(text, { delimiter, quote });
  const format: RecordFormat<CsvRecord> = {
    name: 'CSV',
    hasHeader: columns === undefined,
    ends: (bytes, isLast) => endsOfRecords(bytes, isLast, codes),
    parser: (header) => {
      const names = columns ?? namesIn(rowsOf(header ?? ''));
      return (text) => rowsOf(text).map((row) => named(names, row));
    },
  };
  return fileSource(path, format as unknown as RecordFormat<Rec>, options);
}

function parseRows(
  text: string,
  { delimiter, quote }: { readonly delimiter: string; readonly quote: string },
): string[][] {
  try {
    return parse(text, {
      delimiter,
      quote,
      escape: quote,
      record_delimiter: ['\n', '\r\n'],
      relax_column_count: true,
      skip_empty_lines: true,
    });
  } catch (error) {
    // Its message quotes the field, which may be a secret: the code says what is wrong.
    if (error instanceof CsvError) throw new RecordProblem(`not CSV: ${error.code}`);
    throw error;
  }
}

function namesIn(rows: readonly (readonly string[])[]): readonly string[] {
  const [names = []] = rows;
  if (names.length > 0 && new Set(names).size === names.length) return names;
  throw new RecordProblem('the header names no column, or one twice');
}

/** `fromEntries` takes any name, `__proto__` too. */
function named(names: readonly string[], row: readonly string[]): CsvRecord {
  if (row.length !== names.length) {
    throw new RecordProblem(`${row.length} fields, and ${names.length} columns`);
  }
  return Object.fromEntries(names.map((name, index) => [name, row[index] ?? '']));
}

/**
 * Ends of records. A quote opens a field only where the field begins; anywhere else it is a mistake
 * of that record alone, and the parser says so.
 */
function endsOfRecords(
  bytes: Buffer,
  isLast: boolean,
  codes: { readonly quote: number; readonly delimiter: number },
): readonly number[] {
  const ends: number[] = [];
  const { byteLength } = bytes;
  let isQuoted = false;
  let isFieldStart = true;
  for (let index = 0; index < byteLength; index += 1) {
    const byte = bytes[index];
    if (isQuoted) {
      if (byte !== codes.quote) continue;
      if (bytes[index + 1] === codes.quote) index += 1;
      else isQuoted = false;
    } else if (byte === codes.quote && isFieldStart) {
      isQuoted = true;
      isFieldStart = false;
    } else {
      isFieldStart = byte === codes.delimiter || byte === lineFeed;
      if (byte === lineFeed) ends.push(index + 1);
    }
  }
  if (isLast && (ends.at(-1) ?? 0) < byteLength) ends.push(byteLength);
  return ends;
}

function checkOptions(options: {
  readonly columns: readonly string[] | undefined;
  readonly delimiter: string;
  readonly quote: string;
}): void {
  const { columns, delimiter, quote } = options;
  const problems: string[] = [];
  for (const [name, value] of Object.entries({ delimiter, quote })) {
    const code = value.length === 1 ? value.charCodeAt(0) : 0;
    if (code < 1 || code > 0x7f || value === '\n' || value === '\r') {
      problems.push(`${name} ${JSON.stringify(value)} is not one ASCII character`);
    }
  }
  if (delimiter === quote) problems.push('delimiter and quote are the same');
  if (columns !== undefined && (columns.length === 0 || new Set(columns).size < columns.length)) {
    problems.push('columns are none, or one is named twice');
  }
  if (problems.length === 0) return;
  throw new TidegateError('TIDEGATE_OPTIONS', `csvSource: ${problems.join('; ')}`);
}
