// Breaks the code in known ways, one at a time in a copy, and shows that the tests notice.
//
// An area of test/mutations names the tests that guard it and its mutations: { what, file, find,
// replace }. A mutation whose `find` does not occur exactly once is stale and fails the run before
// it begins.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { requireKnown, script } from '../flags.mjs';
import { isolatedCopy, MutationRun, testsPass } from './run.mjs';

const areas = readdirSync('test/mutations').map((name) => name.replace(/\.mjs$/, ''));
const flags = script(
  'mutation -- known',
  'Breaks the code in known ways; the tests have to notice.',
)
  .option('--only <area...>', `any of ${areas.join(', ')}`, areas)
  .option('--stale', 'runs none, and says which do not fit the code', false)
  .option('--json', 'prints one object at the end', false)
  .parse()
  .opts();
requireKnown('area', flags.only, areas);

const chosen = [];
for (const name of flags.only) {
  chosen.push({ name, ...(await import(resolve('test/mutations', `${name}.mjs`))) });
}
const all = chosen.flatMap(({ mutations }) => mutations);
const stale = all.filter((mutation) => !fits(mutation));
for (const { what, file } of stale) {
  console.error(`stale mutation "${what}": the text to replace is not there once in ${file}`);
}
if (stale.length > 0) process.exit(1);
if (flags.stale) {
  console.log(
    flags.json
      ? JSON.stringify({ kind: 'known', fit: all.length })
      : `${all.length} mutations fit the code`,
  );
  process.exit(0);
}

const room = isolatedCopy();
const run = new MutationRun({ kind: 'known', isJson: flags.json, planned: all.length });
for (const { name: area, tests, mutations } of chosen) {
  if (!(await testsPass(room, tests))) {
    console.error(`${area}: the tests fail without any mutation, so they show nothing`);
    process.exit(1);
  }
  for (const mutation of mutations) {
    run.add({ area, what: mutation.what, isCaught: await isCaught(mutation, tests) });
  }
}
run.end();

function fits({ file, find }) {
  return existsSync(file) && readFileSync(file, 'utf8').split(find).length === 2;
}

async function isCaught({ file, find, replace }, tests) {
  const path = join(room, file);
  const source = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  const caught = !(await testsPass(room, tests));
  writeFileSync(path, source);
  return caught;
}
