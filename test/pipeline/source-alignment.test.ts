import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, memorySink } from 'tidegate';
import type { EventTimeOptions, MemorySink, PreparedRun, Stream } from 'tidegate';
import type { ReadableSource } from 'tidegate/extend';
import { SimulatedClock } from 'tidegate/testing';
import { later, numbersTo, timetabledSource, untilDone, type Departure } from './support.js';

type Times = Partial<EventTimeOptions<number>>;

const hundreds = numbersTo(20).map((number) => number * 100);
const near = { alignment: { maxDriftMs: 200 } };

describe('sources that are kept together in event time', () => {
  test('the one ahead is not read on until the others have come near', async () => {
    const { run, clock, reads } = together({ fast: hundreds, slow: each(1_000, [0, 100, 200]) });
    await later(clock, 1_500);
    // The slow one is at 0: one batch beyond 200 was taken before it could be known.
    expect(reads.fast).toBe(4);
    await later(clock, 1_000);
    expect(reads.fast).toBe(5);
    const report = await untilDone(clock, run);
    expect(report.outcome).toBe('finished');
    expect(report.records).toEqual(new Map(Object.entries({ fast: 20, slow: 3 })));
  });

  test('one that waits says so, and a checkpoint is taken all the same', async () => {
    const { prepared, clock, run } = together({ fast: hundreds, slow: each(50_000, [0, 100]) });
    await later(clock, 100);
    const checkpoint = untilDone(clock, prepared.coordinator.checkpoint());
    expect((await checkpoint).kind).toBe('completed');
    const sources = prepared.coordinator.status().flow?.sources;
    expect(sources?.get('fast')).toEqual({ records: 1, watermark: 0, state: 'waiting' });
    expect(sources?.get('slow')).toEqual({ records: 0, watermark: undefined, state: 'reading' });
    expect((await untilDone(clock, run)).outcome).toBe('finished');
  });

  test('one that waits is stopped at once, and waits again after the restart', async () => {
    const store = new MemoryCheckpointStore();
    const sink = memorySink<number>();
    const parts = { fast: hundreds, slow: each(1_000, [0, 1_900]), store, sink };
    const first = together(parts);
    await later(first.clock, 1_500);
    expect(first.reads.fast).toBe(4);
    const before = first.clock.monotonicMs();
    first.stop.abort();
    expect((await untilDone(first.clock, first.run)).outcome).toBe('stopped');
    expect(first.clock.monotonicMs() - before).toBeLessThan(1_000);
    const second = together(parts);
    await later(second.clock, 900);
    expect(second.reads.fast).toBe(0);
    expect((await untilDone(second.clock, second.run)).outcome).toBe('finished');
    expect([...sink.records].sort((a, b) => a - b)).toEqual(
      [...hundreds, 0, 1_900].sort((a, b) => a - b),
    );
  });

  test('nobody waits for a source that is at its end', async () => {
    const { run, clock } = together({ fast: hundreds, slow: each(10, [0]) });
    expect((await untilDone(clock, run)).outcome).toBe('finished');
    expect(clock.monotonicMs()).toBeLessThan(1_000);
  });

  test('nobody waits for a source that is idle, until its next record', async () => {
    const { run, clock, reads } = together({
      fast: numbersTo(20).map((number) => ({ afterMs: 100, records: [number * 100] })),
      slow: [
        { records: [0] },
        { afterMs: 1_000, records: [100] },
        { afterMs: 9_000, records: [9] },
      ],
      slowTimes: { idleAfterMs: 500 },
    });
    await later(clock, 490);
    expect(reads.fast).toBe(4);
    await later(clock, 500);
    expect(reads.fast).toBeGreaterThan(6);
    await later(clock, 100);
    const before = reads.fast;
    await later(clock, 400);
    expect(reads.fast).toBe(before);
    expect((await untilDone(clock, run)).outcome).toBe('finished');
  });

  test('a failed generation wakes the one that waits', async () => {
    const slow = each(1_000, [0, 1_000]);
    let isBroken = true;
    const { run, clock, prepared } = together({
      fast: hundreds,
      slow,
      meet: (number) => {
        if (number !== 1_000 || !isBroken) return number;
        isBroken = false;
        throw new Error('failed on purpose');
      },
    });
    const recoveries: string[] = [];
    prepared.coordinator.events.on('recovery-started', ({ occasion }) => recoveries.push(occasion));
    expect((await untilDone(clock, run)).outcome).toBe('finished');
    expect(recoveries).toEqual(['in-process']);
  });

  test('another group neither waits nor is waited for', async () => {
    const { run, clock, reads } = together({
      fast: hundreds,
      slow: each(1_000, [0, 100]),
      fastTimes: { alignment: { maxDriftMs: 200, group: 'others' } },
      more: { third: { alignment: { maxDriftMs: 0, group: 'others' } } },
    });
    await later(clock, 500);
    expect(reads.fast).toBe(20);
    expect((await untilDone(clock, run)).outcome).toBe('finished');
  });
});

describe('an alignment is refused', () => {
  test.each<[string, Times, string]>([
    [
      'that allows no number',
      { alignment: { maxDriftMs: Number.NaN } },
      'alignment.maxDriftMs is NaN, not whole milliseconds',
    ],
    ['with a fraction', { alignment: { maxDriftMs: 0.5 } }, 'alignment.maxDriftMs is 0.5'],
    ['in a group without a name', { alignment: { maxDriftMs: 1, group: '' } }, 'group'],
    [
      'that is no object',
      { alignment: 5 as never },
      'eventTime of source fast: alignment is of type number',
    ],
    ['with an unknown option', { alignment: { maxDriftMs: 1, grop: 1 } as never }, 'grop'],
    ['with a source alone in its group', { alignment: { maxDriftMs: 1, group: 'g' } }, 'alone'],
  ])('%s', (_, fastTimes, text) => {
    const build = (): unknown => together({ fast: hundreds, slow: [], fastTimes });
    expect(build).toThrow(text);
    const code = text === 'grop' ? 'TIDEGATE_OPTIONS' : 'TIDEGATE_PIPELINE';
    expect(build).toThrow(expect.objectContaining({ code }));
  });
});

function each(afterMs: number, times: readonly number[]): readonly Departure<number>[] {
  return times.map((time) => ({ afterMs, records: [time] }));
}

interface Parts {
  readonly fast: readonly (number | Departure<number>)[];
  readonly slow: readonly Departure<number>[];
  readonly fastTimes?: Times;
  readonly slowTimes?: Times;
  readonly more?: Readonly<Record<string, Times>>;
  readonly meet?: (number: number) => number;
  readonly store?: MemoryCheckpointStore;
  readonly sink?: MemorySink<number>;
}

/** Two sources that meet at one sink; records are their own times. */
function together(parts: Parts) {
  const { fastTimes = near, slowTimes = {}, more = {}, meet = (number: number) => number } = parts;
  const clock = new SimulatedClock();
  const reads = { fast: 0, slow: 0 };
  const pipeline = new Pipeline('together');
  const open = (
    name: 'fast' | 'slow',
    timetable: readonly Departure<number>[],
    times: Times,
  ): Stream<number> =>
    pipeline.source(
      name,
      counted(timetabledSource(clock, timetable), () => void (reads[name] += 1)),
      {
        eventTime: { timeOf: (time: number) => time, ...times },
      },
    );
  const timetable = parts.fast.map((one) => (typeof one === 'number' ? { records: [one] } : one));
  const both = open('fast', timetable, fastTimes).union(open('slow', parts.slow, slowTimes));
  for (const [name, times] of Object.entries(more)) {
    const eventTime = { timeOf: (time: number) => time, ...times };
    pipeline
      .source(name, timetabledSource<number>(clock, []), { eventTime })
      .to(name, memorySink());
  }
  const sink = parts.sink ?? memorySink<number>();
  both.map(meet).to('out', sink);
  const stop = new AbortController();
  const prepared: PreparedRun = pipeline.prepare({
    store: parts.store ?? new MemoryCheckpointStore(),
    clock,
    handleSignals: false,
    signal: stop.signal,
    checkpoint: { intervalMs: 0 },
  });
  return { clock, reads, prepared, stop, run: prepared.run() };
}

function counted(source: ReadableSource<number>, count: () => void): ReadableSource<number> {
  return {
    ...source,
    async *read(options) {
      for await (const batch of source.read(options)) {
        count();
        yield batch;
      }
    },
  };
}
