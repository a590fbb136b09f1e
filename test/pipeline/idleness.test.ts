import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, memorySink, tumblingWindow } from 'tidegate';
import type { PreparedRun } from 'tidegate';
import { SimulatedClock } from 'tidegate/testing';
import { timetabledSource, untilLater, type Departure } from './support.js';

const eventTime = { timeOf: (time: number) => time, idleAfterMs: 100 };

describe('a source that is idle', () => {
  test('is not taken for ended when the other source ends: its records are not late', async () => {
    const clock = new SimulatedClock();
    const windows = memorySink<string>();
    const pipeline = new Pipeline('times');
    const left = timetabledSource(clock, [{ records: [10, 50] }]);
    const right = timetabledSource(clock, [
      { records: [20] },
      { afterMs: 1_000, records: [60] },
      { afterMs: 1_000, records: [130] },
    ]);
    pipeline
      .source('left', left, { eventTime })
      .union(pipeline.source('right', right, { eventTime }))
      .keyBy(() => 'all')
      .window('windows', tumblingWindow({ sizeMs: 100 }), {
        initial: 0,
        add: (count: number) => count + 1,
        result: (_key, { startMs }, count) => `${startMs} ${count}`,
      })
      .to('out', windows);
    const store = new MemoryCheckpointStore();
    const report = await clock.until(pipeline.run({ store, clock, handleSignals: false }));
    expect(report.late.get('windows') ?? 0).toBe(0);
    expect(windows.records).toEqual(['0 4', '100 1']);
  });

  test('has not been silent while a slow sink has kept it from being read', async () => {
    const batches = [20, 30, 40, 50, 60].map((time) => ({ records: [time] }));
    const { clock, windows, counted, right } = ahead(batches);
    const slow = memorySink<number>();
    right.to('slow', {
      durability: 'durable',
      openReadOnly: (identity) => slow.openReadOnly(identity),
      open: async (owner) => {
        const session = await slow.open(owner);
        const write = async (records: readonly number[]): Promise<void> => {
          await untilLater(clock, 1_000);
          await session.write(records);
        };
        return { ...session, write };
      },
    });
    const report = await counted.run();
    expect(report.late.get('windows') ?? 0).toBe(0);
    expect(windows.records).toEqual(['0 6', '200 1', '300 1']);
  });

  test('is idle also when it hands out batches without records', async () => {
    const empty = { afterMs: 60, records: [] };
    const { windows, counted } = ahead([{ records: [20] }, empty, empty, { records: [60] }]);
    const report = await counted.run();
    // The first window was over when the record came.
    expect(report.late.get('windows')).toBe(1);
    expect(windows.records).toEqual(['0 2', '200 1', '300 1']);
  });

  test('brings a function that throws by then to recovery, as a record does', async () => {
    let calls = 0;
    const { windows, counted } = ahead([{ records: [20] }, { afterMs: 1_000, records: [260] }], {
      result: (count) => {
        calls += 1;
        if (calls === 1) throw new Error('failed on purpose');
        return count;
      },
    });
    const recoveries: string[] = [];
    counted.coordinator.events.on('recovery-started', ({ occasion }) => recoveries.push(occasion));
    const report = await counted.run();
    expect(report.outcome).toBe('finished');
    expect(windows.records).toEqual(['0 2', '200 2', '300 1']);
    expect(recoveries).toEqual(['start', 'in-process']);
  });
});

/**
 * Windows of 100 ms over two sources: the left one is at 200 at once, and silent for a long time; so
 * the first window waits for the right one alone.
 */
function ahead(
  timetable: readonly Departure<number>[],
  { result = (count: number): number => count }: { result?: (count: number) => number } = {},
) {
  const clock = new SimulatedClock();
  const windows = memorySink<string>();
  const pipeline = new Pipeline('times');
  const left = timetabledSource(clock, [
    { records: [10, 200] },
    { afterMs: 1_000_000, records: [300] },
  ]);
  const right = pipeline.source('right', timetabledSource(clock, timetable), { eventTime });
  pipeline
    .source('left', left, { eventTime: { timeOf: eventTime.timeOf } })
    .union(right)
    .keyBy(() => 'all')
    .window('windows', tumblingWindow({ sizeMs: 100 }), {
      initial: 0,
      add: (count: number) => count + 1,
      result: (_key, { startMs }, count) => `${startMs} ${result(count)}`,
    })
    .to('out', windows);
  let prepared: PreparedRun | undefined;
  const prepare = (): PreparedRun =>
    (prepared ??= pipeline.prepare({
      store: new MemoryCheckpointStore(),
      clock,
      handleSignals: false,
      checkpoint: { intervalMs: 100_000, maxQueuedRecords: 1 },
    }));
  const counted = {
    get coordinator() {
      return prepare().coordinator;
    },
    run: () => clock.until(prepare().run()),
  };
  return { clock, windows, right, counted };
}
