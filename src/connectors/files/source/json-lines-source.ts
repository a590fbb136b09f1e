// Records from a file of JSON Lines: one JSON value a line.

import type { ReadableSource } from '../../../contracts/source.js';
import { completeOptions, type OptionTable } from '../../../options.js';
import { fileSource, fileSourceTable, type FileSourceOptions } from './source.js';
import { jsonNumbers, mayChange, parseJson, parsePlain, type JsonNumbers } from './json-numbers.js';
import { endsOfLines, type ParsedText, type RecordFormat } from './record-format.js';

/** Options of `jsonLinesSource`: those of a file source, and how numbers are read. */
export interface JsonLinesSourceOptions<Rec> extends FileSourceOptions<Rec> {
  /** What becomes of numbers that a JavaScript number cannot hold. Default `exact`: a bad record. */
  readonly numbers?: JsonNumbers;
}

const optionTable = {
  ...fileSourceTable,
  numbers: jsonNumbers,
} satisfies OptionTable<JsonLinesSourceOptions<unknown>>;

/**
 * Reads a file of JSON Lines (https://jsonlines.org), UTF-8, as it is when the reading begins. Blank
 * lines are passed over and counted. Of a name that an object has twice the last one counts, as in
 * `JSON.parse`; -0 stays -0; `__proto__` is a name like any other. Whether a value is a `Rec` is not
 * checked: that is a matter for the first operator.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`.
 */
export function jsonLinesSource<Rec = unknown>(
  path: string,
  options: JsonLinesSourceOptions<Rec> = {},
): ReadableSource<Rec> {
  const { numbers } = completeOptions('jsonLinesSource', options, optionTable);
  const format: RecordFormat<unknown> = {
    name: 'JSON Lines',
    hasHeader: false,
    ends: endsOfLines,
    parser: () => (text) => parseLines(text, numbers),
  };
  return fileSource(path, format as RecordFormat<Rec>, options);
}

function parseLines(text: string, numbers: JsonNumbers): ParsedText<unknown> {
  const records: unknown[] = [];
  const lines = text.split('\n');
  // What follows the last line feed is no line.
  if (lines.at(-1) === '') lines.pop();
  const isPlain = typeof numbers !== 'function' && !mayChange(text);
  const parse = isPlain ? parsePlain : (line: string) => parseJson(line, numbers);
  for (const line of lines) {
    // JSON's own white space only: a carriage return before the line feed is passed over.
    if (line !== '' && /[^ \t\r]/.test(line)) records.push(parse(line));
  }
  return { records, blankLines: lines.length - records.length };
}
