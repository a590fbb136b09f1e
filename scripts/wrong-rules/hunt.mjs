// Looks for a violation in one changed copy of the code, in a fixed order; answers with the first.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , directory, seconds, mixes, first, second, isSinkSuite] = process.argv;
const untilMs = Date.now() + Number(seconds) * 1000;
Error.stackTraceLimit = 0;
// A changed copy may reject where nobody listens: what matters is what the checkers see.
process.on('unhandledRejection', () => undefined);

const load = (path) => import(pathToFileURL(join(directory, path)).href);
const { setups, coreSetups, prepareSetup, replay, describeViolation, describeSetup } = await load(
  'test/simulation/campaign/campaign.js',
);
const { faultsAt } = await load('src/testing/simulation/fault-variants.js');
const { formatSchedule } = await load('src/testing/simulation/faults.js');

const matching = (points, pattern) =>
  points
    .flatMap((point) => faultsAt(point))
    .filter((fault) => pattern.test(formatSchedule([fault])[0]));

console.log(JSON.stringify(isSinkSuite === 'true' ? await askSuite() : await hunt()));
process.exit(0);

async function hunt() {
  let runs = 0;
  // A pattern that names a shape looks among all pipelines, any other among the mixes of one source.
  const pool = mixes.includes(':') ? setups : coreSetups;
  const chosen = pool.filter((setup) => new RegExp(mixes).test(describeSetup(setup)));
  const open = chosen.map((setup) => schedulesOf(setup));
  // RecoveryPass and pass, so that no mix uses up the time of the others.
  while (open.length > 0 && Date.now() < untilMs) {
    const schedules = open.shift();
    const next = await schedules.next();
    if (next.done) continue;
    open.push(schedules);
    runs += 1;
    if (next.value.result.violations.length === 0) continue;
    return { runs, caught: await describeViolation(next.value.prepared, next.value) };
  }
  return { runs };
}

/** The suite that every two-phase sink has to pass, run against the changed simulated one. */
async function askSuite() {
  const { twoPhaseSinkCases } = await load('src/testing/two-phase-sink-conformance.js');
  const { SinkStorage, simulatedSink } = await load('src/testing/simulation/sinks/index.js');
  const { calmPort } = await load('src/testing/simulation/port.js');
  const failed = [];
  for (const durability of ['durable', 'last-resource']) {
    for (const { title, only, run } of twoPhaseSinkCases()) {
      if (only !== undefined && !only.includes(durability)) continue;
      const storage = new SinkStorage('out', durability);
      const system = {
        connect: () => simulatedSink(storage, calmPort),
        visible: () => storage.visible.flatMap(({ records }) => records),
      };
      await run({ system, record: (number) => ({ number }) }).catch(() => {
        failed.push(`${durability} sink: ${title}`);
      });
    }
  }
  return { runs: 0, ...(failed.length === 0 ? {} : { caught: failed.join('\n') }) };
}

async function* schedulesOf(setup) {
  let prepared;
  try {
    prepared = await prepareSetup(setup, { seed: 1 });
  } catch (error) {
    // Wrong even without a fault: caught, but then the change tells nothing about crashes.
    throw new Error('the changed code does not work without faults', { cause: error });
  }
  const firsts = matching(prepared.reference.points, new RegExp(first));
  const traces = [];
  for (const one of firsts) {
    const result = await replay(prepared, [one]);
    yield { prepared, schedule: [one], result };
    const struck = result.points.findIndex((point) => point.fault !== undefined);
    traces.push({ one, later: result.points.slice(struck + 1) });
  }
  if (second === '') return;
  for (const { one, later } of traces) {
    for (const two of matching(later, new RegExp(second))) {
      yield { prepared, schedule: [one, two], result: await replay(prepared, [one, two]) };
    }
  }
}
