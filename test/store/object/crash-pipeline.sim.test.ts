// Pipelines whose checkpoints are on object storage are crashed at every request, also with requests that arrive late.

import { expect, test } from '@jest/globals';
import { crashEverywhere, replaySchedule } from '../../../src/testing/crash-everywhere.js';
import { faultKinds, type FaultKind } from '../../../src/testing/simulation/faults.js';
import { input, loopInto } from './crash-pipeline.js';

const seed = 18;
const kinds = Object.keys(faultKinds) as FaultKind[];
const builds = [
  ['one durable sink', loopInto('durable')],
  ['a durable sink and one that decides', loopInto('durable', 'last-resource')],
] as const;

test('requests to the service are the points of a run', async () => {
  const { points, visible } = await replaySchedule(loopInto('durable'), { input, schedule: [] });
  const actions = new Set(points.map(({ action }) => action));
  for (const action of ['s3: put probes', 's3: put bodies', 's3: put current', 's3: get current']) {
    expect(actions).toContain(action);
  }
  expect(visible.get('durable')).toEqual(input);
});

test.each(builds)(
  '%s: every record is there once after every pair of crashes',
  async (_what, build) => {
    const faults = kinds.filter((kind) => kind !== 'outage');
    const options = { input, faults, crashes: 2, maxSchedules: 250, seed } as const;
    const report = await crashEverywhere(build, options);
    expect({ seed, found: report.violations }).toEqual({ seed, found: [] });
    expect(report.schedules).toBeGreaterThan(150);
  },
  300_000,
);

test.each(builds)(
  '%s: a service that is away for a while only keeps it waiting',
  async (_what, build) => {
    const options = { input, faults: ['outage'], maxSchedules: 60, seed } as const;
    const report = await crashEverywhere(build, options);
    expect({ seed, found: report.violations }).toEqual({ seed, found: [] });
    expect(report.schedules).toBeGreaterThan(40);
  },
  300_000,
);
