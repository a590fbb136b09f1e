// Loops into Kafka, crashed at every request to the broker and every call to the disk, in both classes.

import { expect, test } from '@jest/globals';
import { crashEverywhere } from 'tidegate/testing';
import { builds, input, type Shape } from './crash-kafka.js';

const seed = 41_717;

test.each(Object.keys(builds) as Shape[])(
  '%s: every record is there once, wherever and however often something fails',
  async (shape) => {
    const options = { input, crashes: 2, maxSchedules: 150, seed } as const;
    const report = await crashEverywhere(builds[shape], options);
    expect({ seed, found: report.violations }).toEqual({ seed, found: [] });
    expect(report.unseen).toEqual([]);
    // Requests of both the opening and the epochs are among the points.
    expect(report.points).toBeGreaterThan(150);
    expect(report.schedules).toBeGreaterThan(100);
  },
  200_000,
);
