// Changes the code in every small way that Stryker knows, one at a time, and counts what the tests notice.
//
//   npm run mutation -- survivors                          every directory below, then the score
//   npm run mutation -- survivors --only src/manifest      one directory, or one file; may be repeated
//   npm run mutation -- survivors --incremental            reuses results whose code and tests are the same
//   npm run mutation -- survivors --quick                  leaves out those in code that runs while it is loaded:
//                                                          each of them needs a process of its own

import { Stryker } from '@stryker-mutator/core';
import { positive, script } from '../flags.mjs';
import { areas, testsOf } from './areas.mjs';
import { didNotRun, printOpen, printTable, score } from './table.mjs';
import { judge, staleExplanations } from './verdict.mjs';

/** Below this, the run fails. */
const wantedScore = 85;

const flags = script(
  'mutation -- survivors',
  'Changes the code in every small way; counts what is noticed.',
)
  .option(
    '--only <path...>',
    'directories or files',
    areas.map(({ directory }) => directory),
  )
  .option('--incremental', 'reuses results whose code and tests are the same', false)
  .option('--quick', 'leaves out mutants in code that runs while it is loaded', false)
  .option('--json', 'prints one object at the end', false)
  .option('--concurrency <count>', 'mutants side by side', positive, 1)
  .parse()
  .opts();

const asked = flags.only;
const unknown = asked.filter((path) => !areas.some(({ directory }) => lies(path, directory)));
if (unknown.length > 0) {
  const known = areas.map(({ directory }) => directory).join(', ');
  console.error(`--only ${unknown.join(', ')}: mutated are only ${known}`);
  process.exit(64);
}

const all = [];
for (const area of areas) {
  const paths = asked.filter((path) => lies(path, area.directory));
  if (paths.length === 0) continue;
  const begin = performance.now();
  const mutants = judge(await mutate(area, paths));
  all.push(...mutants);
  if (flags.json) continue;
  printTable(area.directory, mutants, (performance.now() - begin) / 1_000);
  printOpen(mutants);
}
const stale = staleExplanations(all);
for (const { file, name } of stale) console.error(`explained but noticed: ${file}  ${name}`);
const broken = all.filter(didNotRun);
if (broken.length > 0) console.error(`did not run, the first: ${broken[0].statusReason}`);
const total = score(all);
const open = all.filter(({ verdict }) => verdict === 'open').length;
if (flags.json) {
  const verdicts = all.map(({ file, name, status, verdict }) => ({ file, name, status, verdict }));
  console.log(JSON.stringify({ kind: 'survivors', score: total, wantedScore, open, verdicts }));
} else {
  console.log(`${all.length} mutants, ${open} missed without an explanation`);
  console.log(`mutation score ${total.toFixed(2)} %, wanted ${wantedScore} %`);
}
process.exitCode = total >= wantedScore && stale.length + broken.length === 0 ? 0 : 1;

/** Whether a path is the directory, or in it. */
function lies(path, directory) {
  return path === directory || path.startsWith(`${directory}/`);
}

async function mutate({ directory, slow, late }, paths) {
  const name = directory.replaceAll('/', '-');
  const stryker = new Stryker({
    mutate: paths.map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.ts`)),
    mochaOptions: { spec: testsOf(directory, { slow, late }) },
    concurrency: flags.concurrency,
    ...(flags.json ? { reporters: [] } : {}),
    ignoreStatic: flags.quick,
    incremental: flags.incremental,
    incrementalFile: `node_modules/.cache/tidegate/stryker-${name}.json`,
  });
  return stryker.runMutationTest();
}
