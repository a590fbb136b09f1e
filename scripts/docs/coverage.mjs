// What needs an entry on the page of failures: each row of the recovery table, each code of recovery.

import { readFileSync } from 'node:fs';

const failures = 'docs/failure-modes.md';

/** @returns {Promise<string[]>} One line for each row or code that the page has forgotten. */
export async function checkCoverage() {
  const { recoveryTable, rowName } = await import('../../dist/recovery/table.js');
  const { errorCodes } = await import('../../dist/index.js');
  const text = readFileSync(failures, 'utf8');
  return [
    ...missing(recoveryTable.map(rowName), rowsIn(text)),
    ...missing(codesOf(errorCodes), text),
  ];
}

function missing(wanted, found) {
  return wanted.filter((name) => !found.includes(name)).map((name) => `${failures} has no ${name}`);
}

/** `(row 7)` and `(rows 11a, 11b, 11c)` in the headings. */
function rowsIn(text) {
  return [...text.matchAll(/^### .*\(rows? ([^)]*)\)/gm)].flatMap(([, rows]) => rows.split(', '));
}

function codesOf(errorCodes) {
  return Object.keys(errorCodes).filter((code) => /_(RECOVERY|RESTORE)_/.test(code));
}
