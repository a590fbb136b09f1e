// Records from a file of JSON Lines: one JSON value a line.

import type { ReadableSource } from '../../../contracts/source.js';
import { requireOptions } from '../../../given.js';
import { fileSource, fileSourceNames, type FileSourceOptions } from './file-source.js';
import { endsOfLines, RecordProblem, type RecordFormat } from './record-format.js';

/**
 * Reads a file of JSON Lines (https://jsonlines.org), UTF-8, as it is when the reading begins. Blank
 * lines are passed over. Whether a value is a `Rec` is not checked: that is a matter for the first
 * operator.
 */
export function jsonLinesSource<Rec = unknown>(
  path: string,
  options: FileSourceOptions<Rec> = {},
): ReadableSource<Rec> {
  requireOptions('jsonLinesSource', options, fileSourceNames);
  return fileSource(path, jsonLines as RecordFormat<Rec>, options);
}

const jsonLines: RecordFormat<unknown> = {
  name: 'JSON Lines',
  hasHeader: false,
  ends: endsOfLines,
  parser: () => parseLines,
};

function parseLines(text: string): readonly unknown[] {
  const records: unknown[] = [];
  for (const line of text.split('\n')) {
    // JSON's own white space only: a carriage return before the line feed is passed over.
    if (line !== '' && /[^ \t\r]/.test(line)) records.push(parseLine(line));
  }
  return records;
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    // The engine's message quotes the line, which may be a secret: only its place is kept.
    const place = /at position \d+/.exec(String(error))?.[0];
    throw new RecordProblem(`not JSON${place === undefined ? '' : ` ${place}`}`);
  }
}
