import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  FileSystemCheckpointStore,
  MemoryCheckpointStore,
  Pipeline,
  arraySource,
  memorySink,
  tumblingWindow,
} from 'tidegate';
import type { Clock, ReadableSource } from 'tidegate/extend';
import { fileSink, jsonLinesSource } from 'tidegate/files';
import { SimulatedClock } from 'tidegate/testing';
import { numbersTo, pacedSource } from './support.js';

let room: string;

beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'tidegate-failing-records-'));
});

afterEach(() => rmSync(room, { recursive: true }));

describe('a bad day', () => {
  test('a record that makes a keyed function throw leaves the state of its key as it was', async () => {
    const sink = memorySink<string>();
    const pipeline = new Pipeline('numbers');
    pipeline
      .source('numbers', arraySource(numbersTo(6)))
      .keyBy((number) => number % 2)
      .aggregate(
        'sums',
        {
          initial: 0,
          add: (sum: number, number) => {
            if (number === 3) throw new Error('three');
            return sum + number;
          },
          result: (key, sum) => `${key} ${sum}`,
        },
        { onError: 'skip' },
      )
      .to('out', sink);
    const report = await pipeline.run({ store: new MemoryCheckpointStore() });
    expect(sink.records).toEqual(['0 0', '1 1', '0 2', '0 6', '1 6']);
    expect(report.skipped.get('sums')).toBe(1);
  });

  test('a record without a time, skipped before 1970, moves no watermark where streams meet', async () => {
    const times = [-900, -800, -700, -600, -500];
    const windows = memorySink<string>();
    const late = memorySink<number>();
    const pipeline = new Pipeline('numbers');
    const options = {
      eventTime: { timeOf: (time: number) => (time === -800 ? Number.NaN : time) },
      onError: 'skip' as const,
    };
    const left = pipeline.source('left', arraySource(times, { batchRecords: 2 }), options);
    const right = pipeline.source('right', arraySource(times, { batchRecords: 2 }), options);
    const counted = left
      .union(right)
      .keyBy(() => 'all')
      .window('counts', tumblingWindow({ sizeMs: 100 }), {
        initial: 0,
        add: (count: number) => count + 1,
      });
    counted.map(({ window, value }) => `${window.startMs} ${value}`).to('windows', windows);
    counted.late.to('late', late);
    await pipeline.run({ store: new MemoryCheckpointStore() });
    expect(late.records).toEqual([]);
    expect(windows.records).toEqual(['-900 2', '-700 2', '-600 2', '-500 2']);
  });

  test('a line that is not JSON halts the run with its place, and nothing of it is committed', async () => {
    const file = join(room, 'in.jsonl');
    writeFileSync(file, '1\n2\n{"broken\n4\n');
    const sink = memorySink<number>();
    const pipeline = new Pipeline('numbers');
    pipeline.source('numbers', jsonLinesSource<number>(file)).to('out', sink);
    const run = pipeline.run({ store: new MemoryCheckpointStore() });
    await expect(run).rejects.toMatchObject({
      code: 'TIDEGATE_HALTED',
      cause: { code: 'TIDEGATE_SOURCE_RECORD' },
    });
    await expect(run).rejects.toThrow(file);
    expect(sink.records).toEqual([]);
  });

  test.each([
    ['has shrunk', '1\n'],
    ['was changed', '7\n8\n9\n10\n'],
  ])('a file that %s since its offset was taken is refused by name', async (_what, now) => {
    const file = join(room, 'in.jsonl');
    writeFileSync(file, '1\n2\n3\n4\n');
    const store = new MemoryCheckpointStore();
    const sink = memorySink<number>();
    const run = () => {
      const pipeline = new Pipeline('numbers');
      pipeline.source('numbers', jsonLinesSource<number>(file)).to('out', sink);
      return pipeline.run({ store });
    };
    await run();
    writeFileSync(file, now);
    await expect(run()).rejects.toMatchObject({
      cause: {
        cause: {
          code: 'TIDEGATE_SOURCE_CHANGED',
          message: expect.stringContaining(file) as unknown,
        },
      },
    });
    expect(sink.records).toEqual([1, 2, 3, 4]);
  });

  test('a source that is slower than the alignment bound delays no checkpoint', async () => {
    const clock = new SimulatedClock();
    const sink = memorySink<number>();
    const pipeline = new Pipeline('numbers');
    const slow = pipeline.source('slow', slowSource(numbersTo(5), clock, 100_000));
    const fast = pipeline.source('fast', pacedSource(numbersTo(50), { batchRecords: 5 }));
    slow.union(fast).to('out', sink);
    const prepared = pipeline.prepare({
      store: new MemoryCheckpointStore(),
      clock,
      handleSignals: false,
      checkpoint: { intervalMs: 10_000, timeouts: { alignmentMs: 1_000 } },
    });
    const abandoned: unknown[] = [];
    prepared.coordinator.events.on('checkpoint-abandoned', (end) => abandoned.push(end));
    const report = await clock.until(prepared.run());
    expect(abandoned).toEqual([]);
    expect(report.checkpoints).toBeGreaterThan(4);
    expect([...sink.records].sort((a, b) => a - b)).toEqual(
      [...numbersTo(5), ...numbersTo(50)].sort((a, b) => a - b),
    );
  });

  test('an operator that is slower than the alignment bound abandons attempts, and loses nothing', async () => {
    const clock = new SimulatedClock();
    const sink = memorySink<number>();
    const pipeline = new Pipeline('numbers');
    let pauses = 0;
    pipeline
      .source('numbers', pacedSource(numbersTo(40), { batchRecords: 4 }))
      .apply<number>('slow', {
        onRecord: async (number, context) => {
          if (number % 10 === 5 && pauses++ < 4) await pause(clock, 5_000);
          context.emit(number);
        },
        capture: () => ({ encode: () => new Uint8Array() }),
        restore: () => undefined,
        reset: () => undefined,
      })
      .to('out', sink);
    const prepared = pipeline.prepare({
      store: new MemoryCheckpointStore(),
      clock,
      handleSignals: false,
      checkpoint: { intervalMs: 100, timeouts: { alignmentMs: 1_000 } },
    });
    let abandoned = 0;
    prepared.coordinator.events.on('checkpoint-abandoned', () => (abandoned += 1));
    const report = await clock.until(prepared.run());
    expect(report.outcome).toBe('finished');
    expect(abandoned).toBeGreaterThan(2);
    expect(sink.records).toEqual(numbersTo(40));
  });

  test('keys and names may have any characters that are not refused by name', async () => {
    const keys = [
      '__proto__',
      'constructor',
      '',
      ' ',
      'a/b',
      '\u0000',
      '\ud800',
      '💧',
      '"\n',
      '..',
    ];
    const store = new FileSystemCheckpointStore(join(room, 'checkpoints'));
    const stop = new AbortController();
    const out = join(room, 'out');
    const run = (signal?: AbortSignal) => {
      const pipeline = new Pipeline('__proto__ 日本 "%2e"');
      pipeline
        .source('..', pacedSource([...keys, ...keys], { batchRecords: 1 }))
        .map((key) => {
          if (signal !== undefined && key === '💧') stop.abort();
          return key;
        })
        .keyBy((key) => key)
        .aggregate('__proto__', {
          initial: 0,
          add: (count: number) => count + 1,
          result: (key, count) => [key, count] as const,
        })
        .to('constructor', fileSink<readonly [string, number]>({ directory: out }));
      return pipeline.run({ store, handleSignals: false, ...(signal && { signal }) });
    };
    expect((await run(stop.signal)).outcome).toBe('stopped');
    expect((await run()).outcome).toBe('finished');
    const parts = readdirSync(out).filter((name) => name.endsWith('.jsonl'));
    const text = parts
      .sort()
      .map((name) => readFileSync(join(out, name), 'utf8'))
      .join('');
    const counts = text.split('\n').filter((line) => line !== '');
    expect(counts).toEqual([1, 2].flatMap((n) => keys.map((key) => JSON.stringify([key, n]))));
    const wrong = new Pipeline('a/b');
    wrong.source('line\nfeed', arraySource([1])).to(' ', memorySink<number>());
    expect(() => wrong.prepare({ store })).toThrow(/pipeline has a name[^]*"line\\nfeed"[^]*" "/);
  });

  test('a wall clock that goes backwards changes nothing but timestamps', async () => {
    const simulated = new SimulatedClock();
    let wallMs = 1_800_000_000_000;
    const clock: Clock = {
      now: () => (wallMs -= 60_000),
      monotonicMs: () => simulated.monotonicMs(),
      setTimer: (callback, delayMs) => simulated.setTimer(callback, delayMs),
    };
    const store = new MemoryCheckpointStore();
    const sink = memorySink<string>();
    const stop = new AbortController();
    const run = (signal?: AbortSignal) => {
      const pipeline = new Pipeline('numbers');
      pipeline
        .source('numbers', pacedSource(numbersTo(100), { batchRecords: 3 }), {
          eventTime: { timeOf: (number) => number },
        })
        .map((number) => {
          if (signal !== undefined && number === 50) stop.abort();
          return number;
        })
        .keyBy(() => 'all')
        .window('tens', tumblingWindow({ sizeMs: 10 }), {
          initial: 0,
          add: (count: number) => count + 1,
          result: (_key, { startMs }, count) => `${startMs} ${count}`,
        })
        .to('out', sink);
      const checkpoint = { intervalMs: 1 };
      const options = { store, clock, handleSignals: false, checkpoint };
      return simulated.until(pipeline.run({ ...options, ...(signal && { signal }) }));
    };
    expect((await run(stop.signal)).outcome).toBe('stopped');
    expect((await run()).outcome).toBe('finished');
    expect(sink.records).toEqual(numbersTo(10).map((ten) => `${ten * 10} 10`));
  });
});

/** Each record is a long time in coming. */
function slowSource(
  records: readonly number[],
  clock: SimulatedClock,
  pauseMs: number,
): ReadableSource<number> {
  let next = 0;
  return {
    position: () => ({ next: String(next) }),
    restore: (offsets) => {
      next = Number(offsets.next);
    },
    async *read({ signal }) {
      for (let index = next; index < records.length; index++) {
        await pause(clock, pauseMs);
        if (signal.aborted) return;
        yield { records: [records[index]!], offsets: { next: String(index + 1) } };
      }
    },
  };
}

function pause(clock: SimulatedClock, durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(resolve, durationMs);
  });
}
