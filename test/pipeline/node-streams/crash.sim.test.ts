import { describe, expect, test } from '@jest/globals';
import { crashEverywhere } from 'tidegate/testing';
import { builds, input, type StreamShape } from './crash-streams.js';

describe("a pipeline of Node's streams survives a crash at every point", () => {
  test.each<[StreamShape, 1 | 2]>([
    ['streams-wrapped', 1],
    ['streams-side-by-side', 1],
    ['streams-last-resource', 2],
  ])(
    '%s, with %i fault(s) in a run',
    async (shape, crashes) => {
      const options = { input, crashes, maxSchedules: 30, seed: 1 };
      const report = await crashEverywhere(builds[shape], options);
      expect(report.violations).toEqual([]);
      expect(report.schedules).toBeGreaterThan(20);
    },
    60_000,
  );
});
