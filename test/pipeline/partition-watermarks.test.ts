// A source of several parts that are read side by side: the one that is behind holds event time back.

import { expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, memorySink, tumblingWindow } from 'tidegate';
import type { Offsets, ReadableSource, SourceBatch } from 'tidegate/extend';
import { SimulatedClock } from 'tidegate/testing';
import { PartitionWatermarks } from '../../src/pipeline/flow/partition-watermarks.js';

interface Timed {
  readonly part: string;
  readonly time: number;
}

type Step = readonly [part: string, times: readonly number[], open?: readonly string[]];

/** Hands out one batch a step; every part is open until a step says otherwise. */
function parted(steps: readonly Step[], parts: readonly string[], until = steps.length) {
  let next = 0;
  const restored: Offsets[] = [];
  const source: ReadableSource<Timed> = {
    position: () => ({ step: String(next) }),
    restore: (offsets) => {
      restored.push(offsets);
      next = Number(offsets.step);
    },
    async *read({ signal }) {
      for (; next < until && !signal.aborted;) {
        const [name, times, open = parts] = steps[next] ?? ['', []];
        next += 1;
        const batch: SourceBatch<Timed> = {
          records: times.map((time) => ({ part: name, time })),
          offsets: { step: String(next) },
          partition: { name, open },
        };
        yield await Promise.resolve(batch);
      }
    },
  };
  return { source, restored };
}

interface Outcome {
  readonly windows: readonly string[];
  readonly late: readonly Timed[];
}

async function run(
  source: ReadableSource<Timed>,
  store = new MemoryCheckpointStore(),
  sinks = { windows: memorySink<string>(), late: memorySink<Timed>() },
  signal = new AbortController().signal,
): Promise<Outcome> {
  const pipeline = new Pipeline('parts');
  const eventTime = { timeOf: ({ time }: Timed): number => time };
  const counts = pipeline
    .source('numbers', source, { eventTime })
    .keyBy(() => 'all')
    .window('counts', tumblingWindow({ sizeMs: 10 }), {
      initial: 0,
      add: (count) => count + 1,
      result: (_key, { startMs }, count) => `${startMs}: ${count}`,
    });
  counts.to('windows', sinks.windows);
  counts.late.to('late', sinks.late);
  await pipeline.run({ store, clock: new SimulatedClock(), handleSignals: false, signal });
  return { windows: sinks.windows.records, late: sinks.late.records };
}

const uneven: readonly Step[] = [
  ['a', [1, 12, 25, 38]],
  ['a', [41, 55]],
  ['b', [2, 13]],
  ['b', [24, 39, 42]],
  ['a', [60], ['b']],
  ['b', [61], []],
];
/** With one record that is late, whether the process was restarted before it or not. */
const withLate: readonly Step[] = [...uneven.slice(0, 4), ['b', [15]], ...uneven.slice(4)];
const allWindows = ['0: 2', '10: 2', '20: 2', '30: 2', '40: 2', '50: 1', '60: 2'];

test('no record of the part that is behind is late', async () => {
  const { source } = parted(uneven, ['a', 'b']);
  expect(await run(source)).toEqual({ windows: allWindows, late: [] });
});

test('a part that has given nothing yet holds back as well', async () => {
  const { source } = parted(
    [
      ['a', [50]],
      ['c', [1]],
      ['b', [2]],
    ],
    ['a', 'b', 'c'],
  );
  expect((await run(source)).late).toEqual([]);
});

test('a part that has ended holds nothing back, also when its last batch is empty', async () => {
  const steps: readonly Step[] = [
    ['a', [5]],
    ['b', [6]],
    ['b', [], ['a']],
    ['a', [25], ['a']],
    ['a', [7], ['a']],
  ];
  const { late } = await run(parted(steps, ['a', 'b']).source);
  expect(late).toEqual([{ part: 'a', time: 7 }]);
});

test('each part goes on where it was in another process', async () => {
  const store = new MemoryCheckpointStore();
  const sinks = { windows: memorySink<string>(), late: memorySink<Timed>() };
  // The first process is asked to stop in the middle, and takes a checkpoint there.
  const first = parted(withLate, ['a', 'b'], 3);
  const stop = new AbortController();
  const stopping: ReadableSource<Timed> = {
    ...first.source,
    async *read(call) {
      yield* first.source.read(call);
      stop.abort();
      if (call.signal.aborted) return;
      await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
    },
  };
  await run(stopping, store, sinks, stop.signal);
  const second = parted(withLate, ['a', 'b']);
  const outcome = await run(second.source, store, sinks);
  expect(outcome).toEqual(await run(parted(withLate, ['a', 'b']).source));
  expect(outcome).toEqual({ windows: allWindows, late: [{ part: 'b', time: 15 }] });
  // What the pipeline adds to the offsets is its own: the source gets what it gave.
  for (const offsets of second.restored) expect(Object.keys(offsets)).toEqual(['step']);
});

test('a silent part is left out once it counts as idle, and counts again with its next record', () => {
  const watermarks = new PartitionWatermarks();
  watermarks.list({ name: 'a', open: ['a', 'b'] }, 1_000);
  watermarks.move('a', 50, 1_000);
  expect(watermarks.lowestBut('a', 1_099, 100)).toBe(-Infinity);
  expect(watermarks.lowestBut('a', 1_100, 100)).toBe(Infinity);
  expect(watermarks.lowestBut('a', 1_000_000)).toBe(-Infinity);
  watermarks.move('b', 7, 1_100);
  expect(watermarks.lowestBut('a', 1_100, 100)).toBe(7);
  expect(watermarks.lowestBut(undefined, 1_050, 100)).toBe(7);
});
