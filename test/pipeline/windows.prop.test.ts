import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  MemoryCheckpointStore,
  Pipeline,
  arraySource,
  hasErrorCode,
  memorySink,
  slidingWindow,
  tumblingWindow,
} from 'tidegate';
import type { MemorySink, WindowAggregation, WindowResult, WindowSpec } from 'tidegate';
import { SimulatedClock } from 'tidegate/testing';
import { flakySink, pacedSource } from './support.js';

interface Event {
  readonly id: number;
  readonly key: string;
  readonly time: number;
}

interface Plan {
  readonly events: readonly Event[];
  readonly batchRecords: number;
  readonly outOfOrderMs: number;
  readonly spec: Required<WindowSpec>;
  readonly isMerged: boolean;
  readonly stops: readonly number[];
  readonly failure: { readonly call: 'write' | 'preCommit' | 'commit'; readonly nth: number };
}

const plans: fc.Arbitrary<Plan> = fc
  .record({
    // Most often time goes on, with some disorder; else it leaps about.
    steps: fc.array(
      fc.record({
        key: fc.constantFrom('ann', 'bob', ''),
        step: fc.oneof(
          { weight: 20, arbitrary: fc.integer({ min: -30, max: 40 }) },
          { weight: 1, arbitrary: fc.integer({ min: -300, max: 900 }) },
        ),
      }),
      { maxLength: 60, size: 'max' },
    ),
    batchRecords: fc.integer({ min: 1, max: 7 }),
    outOfOrderMs: fc.constantFrom(0, 15, 60, 500),
    everyMs: fc.integer({ min: 1, max: 30 }),
    moreMs: fc.integer({ min: 0, max: 120 }),
    offsetMs: fc.integer({ min: -100, max: 100 }),
    isMerged: fc.boolean(),
    stops: fc.array(fc.nat(60), { maxLength: 2 }),
    failure: fc.record({
      call: fc.constantFrom('write', 'preCommit', 'commit'),
      nth: fc.integer({ min: 1, max: 8 }),
    }),
  })
  .map(({ steps, everyMs, moreMs, offsetMs, isMerged, ...rest }) => {
    const sizeMs = Math.min(everyMs + moreMs, isMerged ? Infinity : 100 * everyMs);
    let time = -50;
    const events = steps.map(({ key, step }, id) => ({ id, key, time: (time += step) }));
    return { ...rest, isMerged, events, spec: { sizeMs, everyMs, offsetMs } };
  });

interface Ids {
  readonly ids: number[];
}

/** Both functions change what they are given in place, as users' do. */
const gathered: WindowAggregation<Event, Ids, WindowResult<Ids>> = {
  initial: { ids: [] },
  add: (value, { id }) => {
    value.ids.push(id);
    return value;
  },
};

const merged: typeof gathered = {
  ...gathered,
  merge: (earlier, later) => {
    // A value of the later one, as it is, when there is nothing to add to it.
    if (earlier.ids.length === 0) return later;
    earlier.ids.push(...later.ids);
    return earlier;
  },
};

describe('windows', () => {
  test('are those of a plain loop, also when slices are merged, whatever fails and stops', async () => {
    await fc.assert(fc.asyncProperty(plans, compareWithPlainLoop), {
      seed: 912_447_003,
      numRuns: 50,
    });
  }, 60_000);

  test('of a day in a time zone begin at its midnight', async () => {
    const hourMs = 3_600_000;
    const times = ['2024-07-01T21:59:59Z', '2024-07-01T23:30:00Z', '2024-07-02T01:00:00Z'];
    const window = tumblingWindow({ sizeMs: 24 * hourMs, offsetMs: -2 * hourMs });
    const results = await windowsOf(times.map(Date.parse), window);
    expect(results.map(({ window: { startMs }, value }) => [startMs, value])).toEqual([
      [Date.parse('2024-06-30T22:00:00Z'), 1],
      [Date.parse('2024-07-01T22:00:00Z'), 2],
    ]);
  });

  test('cost a record a few merges, however many of them it is in', async () => {
    const calls = { add: 0, merge: 0 };
    const counting = {
      initial: 0,
      add: (sum: number) => {
        calls.add += 1;
        return sum + 1;
      },
      merge: (earlier: number, later: number) => {
        calls.merge += 1;
        return earlier + later;
      },
    };
    const costs: number[] = [];
    for (const overlap of [16, 256, 4_096]) {
      Object.assign(calls, { add: 0, merge: 0 });
      const times = Array.from({ length: 2_000 }, (_, index) => 10 * index + (index % 7));
      const window = slidingWindow({ sizeMs: 10 * overlap, everyMs: 10 });
      const results = await windowsOf(times, window, counting);
      expect(results).toHaveLength(2_000 + overlap - 1);
      expect(calls.add).toBe(2_000);
      // Each window has two blocks of a level at most, and half of the levels on the way.
      costs.push(calls.merge / results.length);
      expect(calls.merge / results.length).toBeLessThan(2 * Math.log2(overlap) + 1);
    }
    expect(costs[2]! / costs[0]!).toBeLessThan(5);
  });

  test('that no record could be put into are refused when they are built', () => {
    const build = (spec: WindowSpec, more: object = {}) => {
      const keyed = new Pipeline('p')
        .source('s', arraySource([1]), { eventTime: { timeOf: () => 0 } })
        .keyBy(() => 'k');
      keyed.window('w', spec, { initial: 0, add: (n) => n + 1, ...more });
    };
    const refusal = expect.objectContaining({ code: 'TIDEGATE_PIPELINE' }) as unknown as Error;
    for (const wrong of [NaN, Infinity, 0.5, '1' as never, null as never, 2 ** 53]) {
      expect(() => build(tumblingWindow({ sizeMs: 10, offsetMs: wrong }))).toThrow(refusal);
      expect(() => build(tumblingWindow({ sizeMs: wrong }))).toThrow(refusal);
      expect(() => build(slidingWindow({ sizeMs: 10, everyMs: wrong }))).toThrow(refusal);
      expect(() => build({ sizeMs: 10, everyMs: 5, offsetMs: wrong })).toThrow(refusal);
    }
    const merge = (a: number, b: number): number => a + b;
    const wide = { sizeMs: 101, everyMs: 1 };
    expect(() => build(wide)).toThrow('each record is in 101 windows, and there may be 100: give');
    expect(() => build(wide, { merge })).not.toThrow();
    expect(() => build(wide, { merge: 1 })).toThrow('merge of w is of type number');
    const wider = { sizeMs: 100_001, everyMs: 1 };
    expect(() => build(wider, { merge })).toThrow('there may be 100000: let windows begin less');
    expect(() => build({ ...wide, ofsetMs: 1 } as never)).toThrow(
      'window w: there is no option ofsetMs',
    );
    expect(() => tumblingWindow({ sizeMs: 1, everyMs: 1 } as never)).toThrow('no option everyMs');
  });
});

async function windowsOf(
  times: readonly number[],
  window: WindowSpec,
  aggregation: WindowAggregation<number, number, WindowResult<number>> = {
    initial: 0,
    add: (sum) => sum + 1,
  },
): Promise<readonly WindowResult<number>[]> {
  const sink = memorySink<WindowResult<number>>();
  const pipeline = new Pipeline('p');
  pipeline
    .source('s', arraySource(times), { eventTime: { timeOf: (time) => time } })
    .keyBy(() => 'k')
    .window('w', window, aggregation)
    .to('out', sink);
  await pipeline.run({ store: new MemoryCheckpointStore(), handleSignals: false });
  return sink.records;
}

async function compareWithPlainLoop(plan: Plan): Promise<void> {
  const store = new MemoryCheckpointStore();
  const windows = memorySink<WindowResult<Ids>>();
  const late = memorySink<Event>();
  for (const stopAt of [...plan.stops, undefined]) {
    await live(plan, windows, late, store, stopAt).catch((error: unknown) => {
      const isExpected = stopAt !== undefined && hasErrorCode(error, 'TIDEGATE_FINAL_CHECKPOINT');
      if (!isExpected) throw error;
    });
  }
  const expected = plainWindows(plan);
  expect(late.records).toEqual(expected.late);
  expect(inOrder(windows.records)).toEqual(inOrder(expected.results));
  const ends = windows.records.map(({ window }) => window.endMs);
  expect(ends).toEqual(expected.results.map(({ window }) => window.endMs));
}

/** Windows that end together may come in any order; so may the records of one, across its slices. */
function inOrder(results: readonly WindowResult<Ids>[]): readonly string[] {
  return results
    .map(({ value, ...rest }) => {
      return JSON.stringify({ ...rest, ids: [...value.ids].sort((a, b) => a - b) });
    })
    .sort();
}

async function live(
  plan: Plan,
  windows: MemorySink<WindowResult<Ids>>,
  late: MemorySink<Event>,
  store: MemoryCheckpointStore,
  stopAt: number | undefined,
): Promise<void> {
  const stop = new AbortController();
  const pipeline = new Pipeline('windows');
  const { events, batchRecords, outOfOrderMs, failure } = plan;
  const counted = pipeline
    .source('events', pacedSource(events, { batchRecords }), {
      eventTime: { timeOf: (event) => event.time, outOfOrderMs },
    })
    .map((event) => {
      if (event.id === stopAt) stop.abort();
      return event;
    })
    .keyBy((event) => event.key)
    .window('windows', plan.spec, plan.isMerged ? merged : gathered);
  counted.to('windows', flakySink(windows, failure.call, failure.nth));
  counted.late.to('late', late);
  const clock = new SimulatedClock();
  const running = pipeline.run({
    store,
    clock,
    handleSignals: false,
    signal: stop.signal,
    checkpoint: { intervalMs: 1, timeouts: { commitMs: 5 }, tolerableFailures: 10 },
  });
  await clock.until(running);
}

/** Written without a look at the pipeline: every window that there could be, one by one. */
function plainWindows({ events, spec, outOfOrderMs }: Plan) {
  const { sizeMs, everyMs, offsetMs } = spec;
  const results: WindowResult<Ids>[] = [];
  const late: Event[] = [];
  let open: WindowResult<Ids>[] = [];
  let watermark = -Infinity;
  const close = (): void => {
    const due = open.filter(({ window }) => window.endMs <= watermark);
    open = open.filter(({ window }) => window.endMs > watermark);
    results.push(...due.sort((a, b) => a.window.endMs - b.window.endMs));
  };
  for (const event of events) {
    let isLate = true;
    for (let startMs = event.time - sizeMs + 1; startMs <= event.time; startMs++) {
      if ((startMs - offsetMs) % everyMs !== 0 || startMs + sizeMs <= watermark) continue;
      isLate = false;
      let found = open.find((w) => w.key === event.key && w.window.startMs === startMs);
      if (found === undefined) {
        const window = { startMs, endMs: startMs + sizeMs };
        found = { key: event.key, window, value: { ids: [] } };
        open.push(found);
      }
      found.value.ids.push(event.id);
    }
    if (isLate) late.push(event);
    watermark = Math.max(watermark, event.time - outOfOrderMs);
    close();
  }
  watermark = Infinity;
  close();
  return { results, late };
}
