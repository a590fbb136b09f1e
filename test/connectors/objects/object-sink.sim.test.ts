// Loops into object storage, crashed at every request to the service.

import { expect, test } from '@jest/globals';
import { crashEverywhere } from '../../../src/testing/crash-everywhere.js';
import { builds, input, type Shape } from './crash-objects.js';

const seed = 41_818;

test.each(Object.keys(builds) as Shape[])(
  '%s: every record is there once, wherever and however often something fails',
  async (shape) => {
    const options = { input, crashes: 2, maxSchedules: 150, seed } as const;
    const report = await crashEverywhere(builds[shape], options);
    expect({ seed, found: report.violations }).toEqual({ seed, found: [] });
    expect(report.unseen).toEqual([]);
    expect(report.points).toBeGreaterThan(150);
    expect(report.schedules).toBeGreaterThan(100);
  },
  200_000,
);
