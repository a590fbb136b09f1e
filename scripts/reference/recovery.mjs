// The recovery table of the code as a table of a page.

import { markdownTable } from './markdown.mjs';

export async function recoveryTable() {
  const { recoveryTable: rows, rowName } = await import('../../src/recovery/table.ts');
  return markdownTable(
    ['#', 'facts', 'columns', 'plan'],
    rows.map((row) => {
      const pattern = Object.entries(row.when)
        .map(([column, values]) => `${column}: ${values.join(' or ')}`)
        .join('; ');
      const { kind, code } = row.decision;
      const plan = code === undefined ? kind : `${kind}, \`${code}\``;
      return [rowName(row), row.label, pattern, plan];
    }),
  );
}
