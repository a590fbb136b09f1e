// Puts the parts of examples that pages show into these pages.

import { readFileSync, writeFileSync } from 'node:fs';
import { readRegion } from './regions.mjs';

/** @returns {boolean} Whether anything was changed. */
export function fillPage({ file, blocks }) {
  const lines = readFileSync(file, 'utf8').split('\n');
  const before = lines.join('\n');
  // From the end, so that the places of the blocks above stay.
  for (const { note, line, endLine } of [...blocks].reverse()) {
    if (!note.startsWith('from: ')) continue;
    const { text } = readRegion(note.slice('from: '.length));
    if (text !== undefined) lines.splice(line, endLine - line - 1, ...text.split('\n'));
  }
  const after = lines.join('\n');
  if (after !== before) writeFileSync(file, after);
  return after !== before;
}
