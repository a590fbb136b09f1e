// Holds the pages to the truth: every code block is run or compared, every link leads somewhere.
//
//   npm run docs:check            all pages
//   npm run docs:check README.md  one page
//   npm run docs:fill             first puts the parts of examples into the pages that show them

import { existsSync } from 'node:fs';
import { checkBlocks } from './docs/blocks.mjs';
import { checkCoverage } from './docs/coverage.mjs';
import { Database } from './docs/database.mjs';
import { fillPage } from './docs/fill.mjs';
import { checkLinks } from './docs/links.mjs';
import { pageFiles, readPage } from './docs/pages.mjs';
import { Room } from './docs/room.mjs';
import { requireKnown, script } from './flags.mjs';

if (!existsSync('dist/index.js')) {
  console.error('The pages are checked against dist/, which is not there. Run: npm run build');
  process.exit(1);
}

const program = script('docs:check', 'Holds the pages to the truth.')
  .argument('[page...]', 'such as README.md; without one, all of them')
  .option('--fill', 'first puts the parts of examples into the pages that show them', false)
  .parse();
const [wanted] = program.processedArgs;
requireKnown('page', wanted, pageFiles());
if (program.opts().fill) pageFiles().map(readPage).forEach(fillPage);
const all = pageFiles().map(readPage);
const pages = wanted.length === 0 ? all : all.filter(({ file }) => wanted.includes(file));
const room = new Room();
const database = new Database();
try {
  const problems = [
    ...checkLinks(pages),
    ...(await checkCoverage()),
    ...(await checkBlocks(pages, room, database)),
  ];
  for (const problem of problems) console.error(problem);
  const blocks = pages.flatMap((page) => page.blocks).length;
  const links = pages.flatMap((page) => page.links).length;
  console.log(
    `${pages.length} pages, ${blocks} blocks, ${links} links: ${problems.length} problems`,
  );
  if (problems.length > 0) process.exitCode = 1;
} finally {
  await database.close();
  room.remove();
}
