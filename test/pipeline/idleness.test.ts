import { describe, expect, test } from '@jest/globals';
import { MemorySink } from '../../src/connectors/memory/memory-sink.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { tumblingWindow } from '../../src/pipeline/windows.js';
import { MemoryCheckpointStore } from '../../src/store/memory/memory-store.js';
import { SimulatedClock } from '../../src/testing/clock.js';
import { timetabledSource } from './support.js';

const eventTime = { timeOf: (time: number) => time, idleAfterMs: 100 };

describe('a source that is idle', () => {
  test('is not taken for ended when the other source ends: its records are not late', async () => {
    const clock = new SimulatedClock();
    const windows = new MemorySink<string>();
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
});
