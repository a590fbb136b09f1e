// Links between pages: each file, each anchor and each test that is named has to be there.

import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { readPage } from './pages.mjs';
import { titlesOf } from './test-titles.mjs';

/** @returns {string[]} One line for each link that leads nowhere. */
export function checkLinks(pages) {
  const anchors = new Map(pages.map((page) => [page.file, page.anchors]));
  return pages.flatMap((page) =>
    page.links.flatMap((link) => {
      const problem = problemOf(link, anchors);
      return problem === undefined ? [] : [`${link.file}:${link.line}: ${problem}`];
    }),
  );
}

function problemOf({ file, target, text }, anchors) {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path, anchor] = target.split('#');
  const linked = path === '' ? file : normalize(join(dirname(file), decodeURIComponent(path)));
  if (linked.startsWith('..')) return `the link ${target} leads out of the repository`;
  if (!existsSync(linked)) return `the link ${target} leads to nothing`;
  if (anchor !== undefined) {
    const known = anchors.get(linked) ?? readPage(linked).anchors;
    if (!known.has(anchor)) return `${linked} has no heading #${anchor}`;
  }
  return titleProblem(linked, text);
}

/** A link to a test whose text is not a path names the test by its title. */
function titleProblem(linked, text) {
  if (!/(\.test|-cases)\.ts$/.test(linked) || text.endsWith('.ts')) return undefined;
  return titlesOf(linked).has(plain(text))
    ? undefined
    : `${linked} has no test with the title "${text}"`;
}

/** Markdown takes back quotes and backslashes away. */
function plain(text) {
  return text.replaceAll('`', '');
}
