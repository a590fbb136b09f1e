// Breaks the code in known ways, one at a time in a copy, and shows that the tests notice.
//
//   npm run mutate                every area
//   npm run mutate manifest       one area: test/mutations/manifest.mjs
//   npm run mutate -- --stale     runs none, and says which do not fit the code any more
//
// An area names the tests that guard it and its mutations: { what, file, find, replace }. A
// mutation whose `find` does not occur exactly once is stale and fails the run before it begins.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { requireKnown, script } from './flags.mjs';

const areas = readdirSync('test/mutations').map((name) => name.replace(/\.mjs$/, ''));
const program = script('mutate', 'Breaks the code in known ways and shows that the tests notice.')
  .argument('[area...]', `any of ${areas.join(', ')}`)
  .option('--stale', 'runs none, and says which do not fit the code any more', false)
  .parse();
const [wanted] = program.processedArgs;
const isForStale = program.opts().stale;
requireKnown('area', wanted, areas);

const chosen = [];
for (const name of wanted.length > 0 ? wanted : areas) {
  chosen.push({ name, ...(await import(resolve('test/mutations', `${name}.mjs`))) });
}
const stale = chosen.flatMap(({ mutations }) => mutations).filter((mutation) => !fits(mutation));
for (const { what, file } of stale) {
  console.error(`stale mutation "${what}": the text to replace is not there once in ${file}`);
}
if (stale.length > 0) process.exit(1);
if (isForStale) {
  console.log(`${chosen.flatMap(({ mutations }) => mutations).length} mutations fit the code`);
  process.exit(0);
}

const room = mkdtempSync(join(tmpdir(), 'tidegate-mutate-'));
process.on('exit', () => rmSync(room, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));
const copied = ['src', 'test', 'scripts', 'examples'];
for (const name of [...copied, 'package.json', 'tsconfig.json', 'jest.config.js']) {
  cpSync(name, join(room, name), { recursive: true });
}
symlinkSync(resolve('node_modules'), join(room, 'node_modules'));

let missed = 0;
let tried = 0;
for (const { name: area, tests, mutations } of chosen) {
  if (!testsPass(tests)) {
    console.error(`${area}: the tests fail without any mutation, so they show nothing`);
    process.exit(1);
  }
  for (const mutation of mutations) {
    const caught = isCaught(mutation, tests);
    tried++;
    if (!caught) missed++;
    console.log(`${caught ? 'caught    ' : 'NOT CAUGHT'}  ${area}: ${mutation.what}`);
  }
}
console.log(`${tried - missed} of ${tried} mutations caught`);
process.exitCode = missed === 0 ? 0 : 1;

function fits({ file, find }) {
  return existsSync(file) && readFileSync(file, 'utf8').split(find).length === 2;
}

function isCaught({ file, find, replace }, tests) {
  const path = join(room, file);
  const source = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  const caught = !testsPass(tests);
  writeFileSync(path, source);
  return caught;
}

function testsPass(tests) {
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const run = spawnSync(
    process.execPath,
    // In one process: a worker whose parent ends early goes on with its test for minutes.
    [...flags, 'node_modules/jest/bin/jest.js', '--runInBand', '--bail', '--silent', ...tests],
    { cwd: room, encoding: 'utf8', timeout: 300_000, killSignal: 'SIGKILL' },
  );
  return run.status === 0;
}
