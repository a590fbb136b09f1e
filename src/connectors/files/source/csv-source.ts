// Records from a CSV file (RFC 4180): csv-parse reads the fields, we find where records end.

import { CsvError, parse } from 'csv-parse/sync';
import type { ReadableSource } from '../../../contracts/source.js';
import { kindOf } from '../../../given.js';
import { completeOptions, custom, whole, type OptionTable } from '../../../options.js';
import { fileSource, fileSourceTable, type FileSourceOptions } from './source.js';
import { lineFeed, RecordProblem, type ParsedText, type RecordFormat } from './record-format.js';

/** Options of `csvSource`: those of a file source, and how columns become a record. */
export interface CsvSourceOptions<Rec> extends FileSourceOptions<Rec> {
  /** Names of the columns. Default: the first record of the file names them. */
  readonly columns?: readonly string[];
  /** One ASCII character. Default a comma. */
  readonly delimiter?: string;
  /** One ASCII character; doubled inside a quoted field it stands for itself. Default `"`. */
  readonly quote?: string;
  /**
   * Lines of the header, at most: a quote that is not closed where it should be would make names of
   * columns out of records. Default 1.
   */
  readonly maxHeaderLines?: number;
}

const optionTable = {
  ...fileSourceTable,
  columns: custom(columnsProblem),
  delimiter: custom(characterProblem, ','),
  quote: custom(characterProblem, '"'),
  maxHeaderLines: whole({ min: 1 }, 1),
} satisfies OptionTable<CsvSourceOptions<unknown>>;

/** A record by the names of its columns; all values are text. */
export type CsvRecord = Readonly<Record<string, string>>;

/**
 * Reads a CSV file, UTF-8, as it is when the reading begins. A blank line is passed over and counted;
 * where there is one column it is a record with an empty field. Bad records are those with more or
 * fewer fields than columns, with a carriage return alone (lines end with a line feed), with a zero
 * byte, or with a byte order mark that does not begin the file.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`.
 */
export function csvSource<Rec = CsvRecord>(
  path: string,
  options: CsvSourceOptions<Rec> = {},
): ReadableSource<Rec> {
  const given = completeOptions('csvSource', options, optionTable, {
    rules: () => [
      (options.delimiter ?? ',') === (options.quote ?? '"')
        ? 'delimiter and quote are the same'
        : undefined,
    ],
  });
  const { columns, delimiter, quote, maxHeaderLines } = given;
  const codes = { quote: quote.charCodeAt(0), delimiter: delimiter.charCodeAt(0) };
  const syntax = { delimiter, quote };
  const format: RecordFormat<CsvRecord> = {
    name: 'CSV',
    hasHeader: columns === undefined,
    ends: (bytes, isLast) => endsOfRecords(bytes, isLast, codes),
    parser: (header) => {
      const names = columns ?? namesIn(header ?? '', syntax, maxHeaderLines);
      return (text, count) => recordsIn(names, text, { ...syntax, count });
    },
  };
  return fileSource(path, format as unknown as RecordFormat<Rec>, options);
}

interface Syntax {
  readonly delimiter: string;
  readonly quote: string;
}

/** As many rows as there are records in the text; a blank line is a row of one empty field. */
function parseRows(
  text: string,
  { delimiter, quote, count }: Syntax & { count: number },
): string[][] {
  const rows = rowsIn(text, { delimiter, quote });
  // The parser ends rows at carriage returns, also at those that end no line of ours.
  if (rows.length !== count) {
    const what = 'a carriage return without a line feed, outside of quotes';
    throw new RecordProblem('carriage return', what);
  }
  if (text.includes('\0')) throw new RecordProblem('zero byte', 'a zero byte, as UTF-16 has them');
  return rows;
}

function rowsIn(text: string, { delimiter, quote }: Syntax): string[][] {
  try {
    return parse(text, {
      delimiter,
      quote,
      escape: quote,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
    });
  } catch (error) {
    // Its message quotes the field, which may be a secret: the code says what is wrong.
    if (error instanceof CsvError) throw new RecordProblem('not CSV', `not CSV: ${error.code}`);
    throw error;
  }
}

function namesIn(header: string, syntax: Syntax, maxLines: number): readonly string[] {
  const lines = header.replace(/\r?\n$/, '').split('\n').length;
  const [names = []] = header === '' ? [] : parseRows(header, { ...syntax, count: 1 });
  if (lines > maxLines) {
    throw new RecordProblem(
      'header',
      `the header has ${lines} lines: a quote in it is not closed where it should be, or ` +
        `maxHeaderLines, ${maxLines}, is too low`,
    );
  }
  const isBlank = names.length === 1 && names[0] === '';
  if (names.length > 0 && !isBlank && new Set(names).size === names.length) return names;
  throw new RecordProblem('header', 'the header names no column, or one twice');
}

const byteOrderMark = '\ufeff';

function recordsIn(
  names: readonly string[],
  text: string,
  options: Syntax & { readonly count: number },
): ParsedText<CsvRecord> {
  const { count, quote } = options;
  const rows = parseRows(text, options);
  // It stands before a header when files were put together; whether it does is seen one by one.
  if (text.includes(byteOrderMark) && (count > 1 || text.startsWith(byteOrderMark))) {
    throw new RecordProblem('byte order mark', 'a byte order mark in the middle of the file');
  }
  if (names.length === 1) return { records: rows.map((row) => named(names, row)), blankLines: 0 };
  const full = rows.filter(([first, ...others]) => first !== '' || others.length > 0);
  const blankLines = count - full.length;
  // An empty text in quotes is a field, and a line with one field too few is none that is blank.
  if (blankLines > 0 && text.includes(quote + quote) && (count > 1 || text.startsWith(quote))) {
    throw new RecordProblem('number of fields', `1 fields, and ${names.length} columns`);
  }
  return { records: full.map((row) => named(names, row)), blankLines };
}

/** `fromEntries` takes any name, `__proto__` too. */
function named(names: readonly string[], row: readonly string[]): CsvRecord {
  if (row.length !== names.length) {
    const what = `${row.length} fields, and ${names.length} columns`;
    throw new RecordProblem('number of fields', what);
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

function columnsProblem(columns: unknown): string | undefined {
  if (!Array.isArray(columns)) return `is ${kindOf(columns)}, not a list of names`;
  const isDistinct = columns.length > 0 && new Set(columns).size === columns.length;
  return isDistinct ? undefined : 'are none, or one is named twice';
}

function characterProblem(value: unknown): string | undefined {
  const code = typeof value === 'string' && value.length === 1 ? value.charCodeAt(0) : 0;
  if (code >= 1 && code <= 0x7f && value !== '\n' && value !== '\r') return undefined;
  const given = typeof value === 'string' ? JSON.stringify(value) : kindOf(value);
  return `${given} is not one ASCII character`;
}
