// Rows of text as columns that line up.

import { printable } from './printable.js';
import type { Line, Span, Text } from './terminal.js';

export interface TableOptions {
  /** Put in front of each line. */
  readonly indent?: string;
  /** Columns whose text stands at the right, from 0. */
  readonly right?: readonly number[];
}

/** Lines whose columns have the width of their longest text. The last one is not padded. */
export function table(
  rows: readonly (readonly Text[])[],
  { indent = '', right = [] }: TableOptions = {},
): readonly Line[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, text] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, printable(plain(text)).length);
    }
  }
  return rows.map((row) => [
    indent,
    ...row.flatMap((text, column): readonly Text[] => {
      const isLast = column === row.length - 1;
      const missing = (widths[column] ?? 0) - printable(plain(text)).length;
      const padding = ' '.repeat(missing);
      if (right.includes(column)) return [padding, text, isLast ? '' : gap];
      return isLast ? [text] : [text, padding + gap];
    }),
  ]);
}

export function toned(tone: Span['tone'], text: string): Span {
  return { text, tone };
}

function plain(text: Text): string {
  return typeof text === 'string' ? text : text.text;
}

const gap = '  ';
