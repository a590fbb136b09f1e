// Crashes real pipelines at every point, and in pairs: `npm run simulate:pipelines -- --schedules 500`.
//
// The shapes are those of test/pipeline/crash-pipelines.ts (fan-in, windows, join, table, timers and a
// range that is replayed) and of node-streams/crash-streams.ts. `--shape join` for one of them.

import { parseArgs } from 'node:util';
import { crashEverywhere } from '../src/testing/crash-everywhere.ts';
import * as pipelines from '../test/pipeline/crash-pipelines.ts';
import * as streams from '../test/pipeline/node-streams/crash-streams.ts';

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '2000' },
    crashes: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    shape: { type: 'string' },
  },
});
const campaigns = new Map(
  [pipelines, streams].flatMap(({ builds, input }) =>
    Object.entries(builds).map(([shape, build]) => [shape, { build, input }]),
  ),
);
const shapes = values.shape === undefined ? [...campaigns.keys()] : [values.shape];
if (shapes.some((shape) => !campaigns.has(shape))) {
  console.error(
    `There is no shape ${values.shape}; there are: ${[...campaigns.keys()].join(', ')}`,
  );
  process.exit(64);
}

let violationCount = 0;
for (const shape of shapes) {
  const startedMs = Date.now();
  const { build, input } = campaigns.get(shape);
  const report = await crashEverywhere(build, {
    input,
    crashes: values.crashes === '1' ? 1 : 2,
    schedulesMax: Number(values.schedules),
    seed: Number(values.seed),
    violationsMax: 3,
  });
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(0);
  const rows = [...report.matrix.rowCounts()].map(([row, count]) => `${row} x ${count}`).join(', ');
  console.log(
    `${shape}: ${report.schedules} schedules over ${report.points} points in ${seconds} s, ` +
      `${report.violations.length} violations; rows ${rows}`,
  );
  for (const { schedule, violations, test } of report.violations) {
    console.log(`  ${schedule.join(' | ')}`);
    for (const { rule, seen } of violations) console.log(`    ${rule}: ${seen}`);
    console.log(test);
  }
  violationCount += report.violations.length;
}
console.log(`violations ${violationCount}`);
process.exitCode = violationCount === 0 ? 0 : 1;
