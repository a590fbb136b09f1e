// Crashes real pipelines at every point, and in pairs: `npm run simulate -- pipelines --schedules 500`.
//
// The shapes are those of test/pipeline/crash-pipelines.ts (fan-in, windows, join, table, timers and a
// range that is replayed), of node-streams/crash-streams.ts, and of test/connectors/kafka/crash-kafka.ts, in
// which each request to the broker is a point. `--shape join` for one of them.

import { Option } from 'commander';
import { crashEverywhere } from '../../src/testing/crash-everywhere.ts';
import * as kafka from '../../test/connectors/kafka/crash-kafka.ts';
import * as pipelines from '../../test/pipeline/crash-pipelines.ts';
import * as streams from '../../test/pipeline/node-streams/crash-streams.ts';
import { positive, requireKnown, script, whole } from '../flags.mjs';

const values = script(
  'simulate -- pipelines',
  'Crashes real pipelines at every point, and in pairs.',
)
  .option('--schedules <count>', 'at most so many of each shape', positive, 2_000)
  .addOption(new Option('--crashes <count>', 'in one run').choices(['1', '2']).default('2'))
  .option('--seed <number>', 'of what is drawn at random', whole, 1)
  .option('--shape <name>', 'one of them')
  .parse()
  .opts();
const campaigns = new Map(
  [pipelines, streams, kafka].flatMap(({ builds, input }) =>
    Object.entries(builds).map(([shape, build]) => [shape, { build, input }]),
  ),
);
const shapes = values.shape === undefined ? [...campaigns.keys()] : [values.shape];
requireKnown('shape', shapes, [...campaigns.keys()]);

let violationCount = 0;
for (const shape of shapes) {
  const startedMs = Date.now();
  const { build, input } = campaigns.get(shape);
  const report = await crashEverywhere(build, {
    input,
    crashes: Number(values.crashes),
    maxSchedules: values.schedules,
    seed: values.seed,
    maxViolations: 3,
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
