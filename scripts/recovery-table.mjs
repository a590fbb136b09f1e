// Writes the recovery table into docs/recovery.md from the code's table; `--check` only compares.
// Run with: node --import tsx scripts/recovery-table.mjs

import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';

const { recoveryTable, rowName } = await import('../src/recovery/table.ts');

const file = 'docs/recovery.md';
const begin = '<!-- recovery-table: begin, written by scripts/recovery-table.mjs -->';
const end = '<!-- recovery-table: end -->';

const lines = recoveryTable.map((row) => {
  const pattern = Object.entries(row.when)
    .map(([column, values]) => `${column}: ${values.join(' or ')}`)
    .join('; ');
  const { kind, code } = row.decision;
  const plan = code === undefined ? kind : `${kind}, \`${code}\``;
  return `| ${rowName(row)} | ${row.label} | ${pattern} | ${plan} |`;
});
const table = ['| # | facts | columns | plan |', '| --- | --- | --- | --- |', ...lines].join('\n');

const text = readFileSync(file, 'utf8');
const [before, rest] = text.split(begin);
const after = rest?.split(end)[1];
if (after === undefined) throw new Error(`${file} has lost its markers: ${begin} and ${end}`);
const config = await resolveConfig(file);
const current = await format(`${before}${begin}\n\n${table}\n\n${end}${after}`, {
  ...config,
  parser: 'markdown',
});

if (process.argv.includes('--check')) {
  if (current !== text) {
    console.error(`${file} is out of date. Run: npm run docs:recovery`);
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, current);
}
