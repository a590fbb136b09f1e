// Writes the tables of docs/recovery.md, docs/errors.md and docs/options.md from the code.
//
//   npm run docs:tables             writes them
//   npm run docs:tables -- --check  only compares

import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { errorTables } from './reference/errors.mjs';
import { optionTables } from './reference/options.mjs';
import { recoveryTable } from './reference/recovery.mjs';

const pages = [
  { file: 'docs/recovery.md', text: recoveryTable },
  { file: 'docs/errors.md', text: errorTables },
  { file: 'docs/options.md', text: optionTables },
];
const begin = '<!-- begin: written by npm run docs:tables -->';
const end = '<!-- end: written by npm run docs:tables -->';

for (const { file, text } of pages) {
  const found = readFileSync(file, 'utf8');
  const [before, rest] = found.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`${file} has lost its markers: ${begin} and ${end}`);
  const wanted = await format(`${before}${begin}\n\n${await text()}\n\n${end}${after}`, {
    ...(await resolveConfig(file)),
    parser: 'markdown',
  });
  if (wanted === found) continue;
  if (process.argv.includes('--check')) {
    console.error(`${file} is out of date. Run: npm run docs:tables`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, wanted);
  }
}
