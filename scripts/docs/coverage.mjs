// What has to have an entry somewhere: each row of the recovery table, each code that recovery ends with.

import { readFileSync } from 'node:fs';

const failures = 'docs/failure-modes.md';
const runbooks = 'docs/operating.md';

/** @returns {Promise<string[]>} One line for each row or code that a page has forgotten. */
export async function checkCoverage() {
  const { recoveryTable, rowName } = await import('../../dist/recovery/table.js');
  const { errorCodes } = await import('../../dist/index.js');
  return [
    ...missing(failures, recoveryTable.map(rowName), rowsIn(readFileSync(failures, 'utf8'))),
    ...missing(runbooks, codesOf(errorCodes), readFileSync(runbooks, 'utf8')),
  ];
}

function missing(page, wanted, found) {
  return wanted.filter((name) => !found.includes(name)).map((name) => `${page} has no ${name}`);
}

/** `(row 7)` and `(rows 11a, 11b, 11c)` in the headings. */
function rowsIn(text) {
  return [...text.matchAll(/^### .*\(rows? ([^)]*)\)/gm)].flatMap(([, rows]) => rows.split(', '));
}

function codesOf(errorCodes) {
  return Object.keys(errorCodes).filter((code) => /_(RECOVERY|RESTORE)_/.test(code));
}
