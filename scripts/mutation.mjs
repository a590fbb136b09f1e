// Changes the code in every small way that Stryker knows, one at a time, and counts what the tests notice.
//
//   npm run mutation                            every directory below, then the score
//   npm run mutation -- --only src/manifest     one directory, or one file
//   npm run mutation -- --incremental           reuses results whose code and tests are the same
//   npm run mutation -- --quick                 leaves out those in code that runs while it is loaded:
//                                               each of them needs a process of its own

import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { areas, testsOf } from './mutation/areas.mjs';
import { printOpen, printTable, score } from './mutation/table.mjs';
import { judge, staleExplanations } from './mutation/verdict.mjs';

/** Below this, the run fails. */
const wantedScore = 85;

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    incremental: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    concurrency: { type: 'string', default: '1' },
  },
});

const wanted = areas.filter(({ directory }) => covers(directory, flags.only ?? directory));
if (wanted.length === 0) {
  const known = areas.map(({ directory }) => directory).join(', ');
  console.error(`--only ${flags.only}: nothing is mutated there. The directories are: ${known}`);
  process.exit(64);
}

const all = [];
for (const area of wanted) {
  const begin = performance.now();
  const mutants = judge(await mutate(area));
  all.push(...mutants);
  printTable(area.directory, mutants, (performance.now() - begin) / 1_000);
  printOpen(mutants);
}
const stale = staleExplanations(all);
for (const { file, name } of stale) console.log(`explained but noticed: ${file}  ${name}`);
const total = score(all);
const open = all.filter(({ verdict }) => verdict === 'open').length;
console.log(`${all.length} mutants, ${open} missed without an explanation`);
console.log(`mutation score ${total.toFixed(2)} %, wanted ${wantedScore} %`);
process.exitCode = total >= wantedScore && stale.length === 0 ? 0 : 1;

/** Whether `only` is the directory, or lies in it. */
function covers(directory, only) {
  return only === directory || only.startsWith(`${directory}/`);
}

async function mutate({ directory, slow }) {
  const only = flags.only ?? directory;
  const name = directory.replaceAll('/', '-');
  const stryker = new Stryker({
    mutate: [only.endsWith('.ts') ? only : `${only}/**/*.ts`],
    mochaOptions: { spec: testsOf(directory, slow) },
    concurrency: Number(flags.concurrency),
    ignoreStatic: flags.quick,
    incremental: flags.incremental,
    incrementalFile: `node_modules/.cache/tidegate/stryker-${name}.json`,
  });
  return stryker.runMutationTest();
}
