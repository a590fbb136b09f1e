// Every error code with its kind and its way out, in the order and under the headings of the code: one table.

import { readFileSync } from 'node:fs';
import { markdownTable } from './markdown.mjs';

export async function errorTables() {
  const { errorCodes } = await import('../../src/error-codes.ts');
  const sections = sectionsOf(readFileSync('src/error-codes.ts', 'utf8'));
  const listed = [...sections.values()].flat();
  const forgotten = Object.keys(errorCodes).filter((code) => !listed.includes(code));
  if (forgotten.length > 0) throw new Error(`under no heading: ${forgotten.join(', ')}`);
  const rows = [...sections].flatMap(([heading, codes]) => [
    [`**${heading}**`, '', ''],
    ...codes.map((code) => [`\`${code}\``, errorCodes[code].kind, errorCodes[code].remedy]),
  ]);
  return markdownTable(['code', 'kind', 'what to do'], rows);
}

/** Comments between the codes are the headings. */
function sectionsOf(text) {
  const sections = new Map([['Anywhere', []]]);
  let heading = 'Anywhere';
  for (const line of text.split('\n')) {
    const comment = /^ {2}\/\/ (.+)$/.exec(line);
    const code = /^ {2}('?[A-Z][\w-]+'?): \{/.exec(line);
    if (comment !== null) {
      [, heading] = comment;
      sections.set(heading, []);
    }
    if (code !== null) sections.get(heading).push(code[1].replaceAll("'", ''));
  }
  return sections;
}
