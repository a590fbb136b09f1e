// Crashes tidegate in as many ways as there is time for: `npm run simulate -- --schedules 1000000`.

import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { root, transpile } from './transpile.mjs';

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '86400' },
    workers: { type: 'string', default: String(availableParallelism()) },
    setup: { type: 'string' },
    stop: { type: 'boolean', default: false },
  },
});
const wanted = Number(values.schedules);
const untilMs = Date.now() + Number(values.seconds) * 1000;
const slicesPerSetup = 24;
const violationsShownMax = 20;

const directory = transpile('simulate');
const load = (path) => import(pathToFileURL(join(directory, path)).href);
const { setups, prepareSetup, describeSetup } = await load('testing/simulation/campaign.js');
const { Matrix } = await load('testing/simulation/matrix.js');

const chosen =
  values.setup === undefined ? setups.map((_, index) => index) : [Number(values.setup)];
let firstCount = 0;
for (const index of chosen) {
  firstCount += (await prepareSetup(setups[index], { seed: Number(values.seed) })).firstCount;
}
// Fewer schedules than single faults: an even choice of them.
const thinning = Math.max(1, Math.floor(firstCount / wanted));
const perFirst = thinning > 1 ? 1 : wanted / firstCount;
const secondsPerFirst = Math.max(0, Math.floor(perFirst) - 1);
// The rest of the number: one second fault more in so many of the slices.
const fullerSlices = Math.ceil(slicesPerSetup * Math.max(0, perFirst - 1 - secondsPerFirst));
const extra = Math.ceil((firstCount * fullerSlices) / slicesPerSetup);
const planned = Math.ceil((firstCount / thinning) * (1 + secondsPerFirst)) + extra;
console.log(
  `${chosen.length} pipelines, ${firstCount} single faults, about ${planned} schedules, ` +
    `seed ${values.seed}, ${values.workers} workers`,
);

const shares = [];
for (let slice = 0; slice < slicesPerSetup; slice += 1) {
  for (const setupIndex of chosen) {
    const stride = slicesPerSetup * thinning;
    const seconds = secondsPerFirst + (slice < fullerSlices ? 1 : 0);
    shares.push({
      setupIndex,
      share: { secondsPerFirst: seconds, stride, offset: slice * thinning },
    });
  }
}

const matrix = new Matrix();
const violations = [];
const startedMs = Date.now();
let count = 0;
let points = 0;
let violationCount = 0;
let shownMs = startedMs;

function progress(force = false) {
  const nowMs = Date.now();
  if (!force && nowMs - shownMs < 10_000) return;
  shownMs = nowMs;
  const perSecond = count / ((nowMs - startedMs) / 1000);
  const leftMinutes = Math.max(0, planned - count) / perSecond / 60;
  console.log(
    `${count} of about ${planned} schedules, ${violationCount} violations, ` +
      `${perSecond.toFixed(0)}/s, about ${leftMinutes.toFixed(1)} minutes left`,
  );
}

function isOver() {
  if (values.stop && violationCount > 0) return true;
  return shares.length === 0 || Date.now() > untilMs;
}

function work() {
  return new Promise((resolve, reject) => {
    const child = fork(join(root, 'scripts/simulate-worker.mjs'), [directory, values.seed], {
      execArgv: ['--max-semi-space-size=64'],
    });
    const next = () => {
      if (isOver()) return child.disconnect();
      child.send({ ...shares.shift(), untilMs });
    };
    child.on('message', (answer) => {
      if (!answer.ready) {
        count += answer.count;
        points += answer.points;
        violationCount += answer.violationCount ?? answer.violations.length;
        violations.push(...answer.violations);
        matrix.merge(answer);
        progress();
      }
      next();
    });
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`worker ended: ${code}`)),
    );
  });
}

/** One of each: the same schedule breaks the same rule in many mixes. */
function different(tests) {
  const seen = new Map();
  for (const text of tests) {
    const lines = text.split('\n');
    const key = [lines[0], ...lines.filter((line) => line.startsWith('    '))].join();
    if (!seen.has(key.replaceAll(/[+#]\d+/g, ''))) seen.set(key.replaceAll(/[+#]\d+/g, ''), text);
  }
  return [...seen.values()];
}

await Promise.all(Array.from({ length: Number(values.workers) }, work));
progress(true);

console.log(`\nRecovery table rows by crash point and fault (- : no recovery was needed)\n`);
console.log(matrix.render());
console.log('\nRows of the recovery table that decided:');
for (const [row, times] of matrix.rowCounts()) {
  console.log(`  ${row.padStart(2)} ${matrix.rowLabels[row]}: ${times} times`);
}
console.log(`\n${(points / Math.max(1, count)).toFixed(0)} points a run on average`);
for (const violation of different(violations).slice(0, violationsShownMax)) {
  console.log(`\n${violation}`);
}
if (values.setup !== undefined) console.log(`\n${describeSetup(setups[Number(values.setup)])}`);
console.log(`${count} schedules, ${violationCount} violations`);
process.exitCode = violationCount > 0 || count === 0 ? 1 : 0;
