// The flights job from decoded rows in memory: pipeline against loop, with and without checkpoints.

import { deepStrictEqual } from 'node:assert/strict';
import { arraySource, MemoryCheckpointStore } from 'tidegate';
import { FlightsLoop, flightsPipeline, type AirportDay, type Flight } from './flights.js';
import { keepingSink } from './sinks.js';

/** What came out, kept as the batches that the sinks were given. */
export interface Kept {
  readonly statistics: (readonly AirportDay[])[];
  readonly archive: (readonly Flight[])[];
}

export async function loopInMemory(flights: readonly Flight[]): Promise<Kept> {
  const kept: Kept = { statistics: [], archive: [] };
  const loop = new FlightsLoop(
    (records) => void kept.statistics.push(records),
    (records) => void kept.archive.push(records),
  );
  await loop.process(flights);
  await loop.end();
  return kept;
}

/** @param intervalMs Between checkpoints; 0 for the last one alone. */
export async function pipelineInMemory(
  flights: readonly Flight[],
  intervalMs: number,
): Promise<Kept> {
  const kept: Kept = { statistics: [], archive: [] };
  const pipeline = flightsPipeline(arraySource(flights), {
    statistics: keepingSink((records) => void kept.statistics.push(records)),
    archive: keepingSink((records) => void kept.archive.push(records)),
  });
  await pipeline.run({
    store: new MemoryCheckpointStore(),
    checkpoint: { intervalMs },
    handleSignals: false,
  });
  return kept;
}

/** A benchmark of two things that do different work shows nothing. */
export function refuseDifferent(left: Kept, right: Kept): void {
  deepStrictEqual(left.statistics.flat(), right.statistics.flat());
  deepStrictEqual(left.archive.flat(), right.archive.flat());
}
