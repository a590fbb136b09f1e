// Crashes coordinator, store and recovery with every kind of fault: `npm run simulate -- --schedules 1000000`.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { pathToFileURL } from 'node:url';
import { positive, script, whole } from '../flags.mjs';
import { WorkerPool } from './pool.mjs';
import { root, simulationFolders, transpile } from '../transpile.mjs';

const values = script('simulate', 'Crashes tidegate in as many ways as there is time for.')
  .addHelpText('after', '\nFor real pipelines: npm run simulate -- pipelines --help')
  .option('--schedules <count>', 'how many in all, over all pipelines', positive, 1_000_000)
  .option('--seed <number>', 'of what is drawn at random', whole, 1)
  .option('--seconds <count>', 'begins no schedule after so long', positive, 86_400)
  .option('--workers <count>', 'processes side by side', positive, availableParallelism())
  .option('--setup <number>', 'only the pipeline with this number', whole)
  .option('--stop', 'ends at the first violation', false)
  .parse()
  .opts();
const wanted = values.schedules;
const untilMs = Date.now() + values.seconds * 1000;
const slicesPerSetup = 24;
const maxViolationsShown = 20;

const directory = transpile('simulate', { folders: simulationFolders });
const load = (path) => import(pathToFileURL(join(directory, path)).href);
const { setups, prepareSetup, describeSetup } = await load('test/simulation/campaign/campaign.js');
const { Matrix } = await load('src/testing/simulation/matrix.js');

if (values.setup >= setups.length) {
  console.error(`There is no pipeline ${values.setup}. They go from 0 to ${setups.length - 1}`);
  process.exit(64);
}
const chosen = values.setup === undefined ? setups.map((_, index) => index) : [values.setup];
let firstCount = 0;
for (const index of chosen) {
  firstCount += (await prepareSetup(setups[index], { seed: values.seed })).firstCount;
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
const violations = new Map();
const startedMs = Date.now();
let count = 0;
let points = 0;
let violationCount = 0;
let shownMs = startedMs;

function progress(isLast = false) {
  const nowMs = Date.now();
  if (isLast !== true && nowMs - shownMs < 10_000) return;
  shownMs = nowMs;
  const done = count + pool.openCount;
  const perSecond = done / ((nowMs - startedMs) / 1000);
  const leftMinutes = Math.max(0, planned - done) / perSecond / 60;
  console.log(
    `${done} of about ${planned} schedules, ${violationCount} violations, ` +
      `${perSecond.toFixed(0)}/s, about ${leftMinutes.toFixed(1)} minutes left, ` +
      `workers of up to ${pool.largestRssMb} MB`,
  );
}

const pool = new WorkerPool(join(root, 'scripts/simulate/worker.mjs'), {
  args: [directory, String(values.seed)],
  shares,
  untilMs,
  answered: (answer) => {
    count += answer.count;
    points += answer.points;
    violationCount += answer.violationCount ?? answer.violations.length;
    keep(answer.violations);
    matrix.merge(answer);
  },
  lost: ({ setupIndex, share }, why) => {
    violationCount += 1;
    const where = `${describeSetup(setups[setupIndex])}, share ${JSON.stringify(share)}`;
    keep([`the worker of ${where} has ended twice: ${why}`]);
  },
  note: (line) => console.log(line),
  isOver: () => Date.now() > untilMs || (values.stop && violationCount > 0),
});

let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (isInterrupted) process.exit(130);
    isInterrupted = true;
    console.log('stopping; once more to end at once');
    pool.stop();
  });
}

/** One of each: the same schedule breaks the same rule in many mixes. Shown when it is found. */
function keep(found) {
  for (const text of found) {
    const lines = text.split('\n');
    const what = [lines[0], ...lines.filter((line) => line.startsWith('    '))].join();
    const key = what.replaceAll(/[+#]\d+/g, '');
    if (violations.has(key)) continue;
    violations.set(key, text);
    if (violations.size <= maxViolationsShown) console.log(`\n${text}\n`);
  }
}

const ticking = setInterval(progress, 1_000);
await pool.run(values.workers);
clearInterval(ticking);
progress(true);

console.log(`\nRecovery table rows by crash point and fault (- : no recovery was needed)\n`);
console.log(matrix.render());
console.log('\nRows of the recovery table that decided:');
for (const [row, times] of matrix.rowCounts()) {
  console.log(`  ${row.padStart(2)} ${matrix.rowLabels[row]}: ${times} times`);
}
console.log(`\n${(points / Math.max(1, count)).toFixed(0)} points a run on average`);
for (const violation of [...violations.values()].slice(0, maxViolationsShown)) {
  console.log(`\n${violation}`);
}
if (values.setup !== undefined) console.log(`\n${describeSetup(setups[values.setup])}`);
console.log(`${count} schedules, ${violationCount} violations`);
if (violationCount > 0 || count === 0) process.exitCode = 1;
else if (isInterrupted) process.exitCode = 130;
