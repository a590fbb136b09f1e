// Event-time windows: what belongs together, what comes too late, and what a second run does.

import { fileURLToPath } from 'node:url';
import { arraySource, MemoryCheckpointStore, memorySink, Pipeline, tumblingWindow } from 'tidegate';
import type { ReadableSource, Sink } from 'tidegate/extend';

export interface Reading {
  readonly sensor: string;
  readonly atMs: number;
  readonly celsius: number;
}

export const readings: readonly Reading[] = [
  { sensor: 'roof', atMs: 1_000, celsius: 11 },
  { sensor: 'cellar', atMs: 2_000, celsius: 8 },
  { sensor: 'roof', atMs: 59_000, celsius: 13 },
  { sensor: 'roof', atMs: 75_000, celsius: 14 },
  // Its minute is over: it goes to the late records, and never into a result that was sent on.
  { sensor: 'cellar', atMs: 30_000, celsius: 9 },
];

/** The pipeline, whatever it reads from and writes to: the test that crashes it gives others. */
export function buildClimate(
  input: ReadableSource<Reading>,
  averages: Sink<string>,
  late: Sink<Reading>,
): Pipeline {
  const pipeline = new Pipeline('climate');
  const minutes = pipeline
    .source('readings', input, {
      eventTime: { timeOf: (reading) => reading.atMs, outOfOrderMs: 10_000 },
    })
    .keyBy((reading) => reading.sensor)
    .window('minutes', tumblingWindow({ sizeMs: 60_000 }), {
      initial: { sum: 0, count: 0 },
      add: ({ sum, count }, { celsius }) => ({ sum: sum + celsius, count: count + 1 }),
      result: (sensor, { startMs }, { sum, count }) =>
        `${sensor}, minute ${startMs / 60_000}: ${sum / count} degrees`,
    });
  minutes.to('averages', averages);
  minutes.late.to('late', late);
  return pipeline;
}

async function main(): Promise<void> {
  const store = new MemoryCheckpointStore();
  const averages = memorySink<string>();
  const late = memorySink<Reading>();
  const build = (): Pipeline => buildClimate(arraySource(readings), averages, late);

  console.log(build().explain());
  const first = await build().run({ store });
  console.log(`\nfirst run: ${first.outcome}, ${first.checkpoints} checkpoint(s)`);
  for (const line of averages.records) console.log(`  ${line}`);
  for (const { sensor, atMs } of late.records) console.log(`  late: ${sensor} at ${atMs} ms`);

  const second = await build().run({ store });
  console.log(`second run: ${second.outcome}, still ${averages.records.length} results`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
