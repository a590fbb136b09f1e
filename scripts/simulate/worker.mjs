// One process of the simulation: runs the shares that it is sent and answers with what it found.

import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const [, , directory, seedText] = process.argv;
const load = (path) => import(pathToFileURL(join(directory, path)).href);
const { setups, prepareSetup, runShare, replay, describeViolation, describeSetup } = await load(
  'test/simulation/campaign/campaign.js',
);
const { Matrix } = await load('src/testing/simulation/matrix.js');

// Faults are errors by the thousand: where they were made is of no interest.
Error.stackTraceLimit = 0;

const maxViolations = 5;
/** Every so many schedules one is run twice: the same schedule must leave the same trace. */
const repeatEvery = 500;

let stray;
process.on('unhandledRejection', (reason) => {
  stray ??= reason;
});

const signOfLifeMs = 2_000;
let toldMs = 0;

const prepared = new Map();
async function prepare(index) {
  if (!prepared.has(index)) {
    prepared.set(index, await prepareSetup(setups[index], { seed: Number(seedText) }));
  }
  return prepared.get(index);
}

/** A terminal interrupts the whole group; the parent says when to stop. */
process.on('SIGINT', () => undefined);
let isStopped = false;

process.on('message', ({ stop, setupIndex, share, untilMs }) => {
  if (stop) {
    isStopped = true;
    return;
  }
  run(setupIndex, share, untilMs).then(
    (answer) => process.send(answer),
    (error) => {
      const text = `${describeSetup(setups[setupIndex])}: ${error?.stack ?? error}`;
      process.send({ count: 0, violations: [text], cells: {}, rowLabels: {}, points: 0 });
    },
  );
});
process.send({ ready: true });

async function run(setupIndex, share, untilMs) {
  const subject = await prepare(setupIndex);
  const matrix = new Matrix();
  const violations = [];
  let count = 0;
  let violationCount = 0;
  let points = 0;
  for await (const explored of runShare(subject, share)) {
    count += 1;
    points += explored.result.points.length;
    matrix.add(explored.result);
    let { result } = explored;
    if (stray !== undefined) {
      const seen = String(stray?.stack ?? stray);
      result = { ...result, violations: [{ rule: 'no rejection is left unhandled', seen }] };
      stray = undefined;
    }
    if (result.violations.length === 0 && count % repeatEvery === 0) {
      const again = await replay(subject, explored.schedule);
      if (JSON.stringify(again.points) !== JSON.stringify(result.points)) {
        const seen = 'two runs of one schedule passed different points';
        result = { ...result, violations: [{ rule: 'a run is determined', seen }] };
      }
    }
    if (result.violations.length > 0) {
      violationCount += 1;
      if (violations.length < maxViolations) {
        violations.push(await describeViolation(subject, { ...explored, result }));
      }
    }
    const nowMs = Date.now();
    if (isStopped || nowMs > untilMs) break;
    if (nowMs - toldMs < signOfLifeMs) continue;
    toldMs = nowMs;
    const rssMb = Math.round(process.memoryUsage.rss() / 2 ** 20);
    process.send({ alive: { count, rssMb } });
  }
  const { cells, rowLabels } = matrix;
  return { count, violationCount, violations, cells, rowLabels, points };
}
