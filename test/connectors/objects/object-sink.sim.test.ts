// Loops into object storage, crashed at every request to the service.

import { expect, test } from '@jest/globals';
import { crashEverywhere } from '../../../src/testing/crash-everywhere.js';
import { builds, input } from './crash-objects.js';

const seed = 41_818;

for (const [shape, build] of Object.entries(builds)) {
  test(`${shape}: every record is committed once, wherever and however often something fails`, async () => {
    const report = await crashEverywhere(build, { input, crashes: 2, maxSchedules: 150, seed });
    expect({ seed, violations: report.violations }).toEqual({ seed, violations: [] });
    expect(report.unseen).toEqual([]);
    expect(Math.min(report.points - 50, report.schedules)).toBeGreaterThan(100);
  }, 200_000);
}
