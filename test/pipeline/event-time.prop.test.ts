import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, hasErrorCode, memorySink, slidingWindow } from 'tidegate';
import type { MemorySink, RunReport } from 'tidegate';
import { SimulatedClock } from 'tidegate/testing';
import fc from 'fast-check';
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
  readonly sizeMs: number;
  readonly everyMs: number;
  /** Record at whose processing each life but the last is told to stop. */
  readonly stops: readonly number[];
  readonly failures: readonly {
    readonly call: 'write' | 'preCommit' | 'commit';
    readonly nth: number;
  }[];
}

const keys = fc.constantFrom('ann', 'bob', '', '__proto__', 'ö/é "\n', '\ud800');

const plans: fc.Arbitrary<Plan> = fc
  .record({
    events: fc.array(fc.record({ key: keys, time: fc.integer({ min: -50, max: 200 }) }), {
      maxLength: 60,
    }),
    batchRecords: fc.integer({ min: 1, max: 7 }),
    outOfOrderMs: fc.constantFrom(0, 10, 40),
    sizeMs: fc.integer({ min: 1, max: 60 }),
    slices: fc.integer({ min: 1, max: 3 }),
    stops: fc.array(fc.nat(60), { maxLength: 2 }),
    failures: fc.array(
      fc.record({
        call: fc.constantFrom('write', 'preCommit', 'commit'),
        nth: fc.integer({ min: 1, max: 6 }),
      }),
      { maxLength: 2 },
    ),
  })
  .map(({ events, slices, sizeMs, ...rest }) => ({
    ...rest,
    sizeMs,
    everyMs: Math.ceil(sizeMs / slices),
    events: events.map((event, id) => ({ ...event, id })),
  }));

interface Outputs {
  readonly windows: MemorySink;
  readonly late: MemorySink<Event>;
  readonly alarms: MemorySink;
  readonly pairs: MemorySink<string>;
}

describe('event time', () => {
  test('a timer that is set for a time that has passed fires before the next record', async () => {
    const times = [25, 0, 0];
    await compareWithPlainLoop({
      events: times.map((time, id) => ({ id, key: 'ann', time })),
      batchRecords: 3,
      outOfOrderMs: 0,
      sizeMs: 1,
      everyMs: 1,
      stops: [],
      failures: [],
    });
  });

  test('a join pairs what is near enough, and forgets nothing too early', async () => {
    const within = [0, 4, 12, 15, 16, 16, 29, 31, 40, 38, 53, 55];
    await compareWithPlainLoop({
      events: within.map((time, id) => ({ id, key: 'ann', time })),
      batchRecords: 2,
      outOfOrderMs: 2,
      sizeMs: 1,
      everyMs: 1,
      stops: [5, 9],
      failures: [],
    });
  });

  test('windows, late records, timers and joins are those of a plain loop, whatever fails and stops', async () => {
    await fc.assert(fc.asyncProperty(plans, compareWithPlainLoop), {
      seed: 473_063_881,
      numRuns: 60,
    });
  }, 60_000);
});

async function compareWithPlainLoop(plan: Plan): Promise<void> {
  const store = new MemoryCheckpointStore();
  const outputs: Outputs = {
    windows: memorySink(),
    late: memorySink(),
    alarms: memorySink(),
    pairs: memorySink(),
  };
  for (const stopAt of plan.stops) {
    // A stop does not recover: what its last checkpoint could not commit, the next life reads again.
    await live(plan, outputs, store, stopAt).catch((error: unknown) => {
      if (!hasErrorCode(error, 'TIDEGATE_FINAL_CHECKPOINT')) throw error;
    });
  }
  await live(plan, outputs, store, undefined);
  const again = await live(plan, outputs, store, undefined);
  expect(again.outcome).toBe('already-finished');
  expect(outputs.windows.records).toEqual(plainWindows(plan).results);
  expect(outputs.late.records).toEqual(plainWindows(plan).late);
  expect(outputs.alarms.records).toEqual(plainAlarms(plan));
  expect([...outputs.pairs.records].sort()).toEqual(plainPairs(plan).sort());
}

/** One life of the job, until it is told to stop, or the end. */
async function live(
  plan: Plan,
  { windows, late, alarms, pairs }: Outputs,
  store: MemoryCheckpointStore,
  stopAt: number | undefined,
): Promise<RunReport> {
  const stop = new AbortController();
  const pipeline = new Pipeline('events');
  const { events, batchRecords, outOfOrderMs, sizeMs, everyMs } = plan;
  const events$ = pipeline
    .source('events', pacedSource(events, { batchRecords }), {
      eventTime: { timeOf: (event) => event.time, outOfOrderMs },
    })
    .map((event) => {
      if (event.id === stopAt) stop.abort();
      return event;
    });
  const byKey = events$.keyBy((event) => event.key);
  const counted = byKey.window('windows', slidingWindow({ sizeMs, everyMs }), {
    initial: { ids: [] as number[] },
    add: (value, event) => {
      value.ids.push(event.id);
      return value;
    },
  });
  counted.to('windows', failing(windows, plan, 0));
  counted.late.to('late', late);
  byKey
    .process<{ last: number }, string>('alarms', {
      initial: { last: -1 },
      onRecord: (event, context) => {
        context.deleteTimer(context.state.last + 25);
        context.state.last = event.time;
        context.setTimer(event.time + 25);
      },
      onTimer: (time, context) => {
        context.emit(`${context.key} silent at ${time}`);
        context.forget();
      },
    })
    .to('alarms', failing(alarms, plan, 1));
  const even = events$.filter(({ id }) => id % 2 === 0).keyBy(({ key }) => key);
  const odd = events$.filter(({ id }) => id % 2 === 1).keyBy(({ key }) => key);
  even
    .join('pairs', odd, { withinMs: 15, combine: (left, right) => `${left.id} ${right.id}` })
    .to('pairs', pairs);
  const clock = new SimulatedClock();
  const running = pipeline.run({
    store,
    clock,
    handleSignals: false,
    signal: stop.signal,
    checkpoint: { intervalMs: 1, timeouts: { commitMs: 5 }, tolerableFailures: 10 },
  });
  const report = await clock.until(running);
  if (stopAt === undefined || stopAt >= events.length) expect(report.outcome).not.toBe('stopped');
  return report;
}

function failing<Rec>(sink: MemorySink<Rec>, plan: Plan, index: number) {
  const failure = plan.failures[index];
  return failure === undefined ? sink : flakySink(sink, failure.call, failure.nth);
}

/** Written without a look at the pipeline: one loop, windows in a list. */
function plainWindows({ events, sizeMs, everyMs, outOfOrderMs }: Plan) {
  interface Open {
    readonly key: string;
    readonly startMs: number;
    readonly endMs: number;
    readonly ids: number[];
  }
  let open: Open[] = [];
  const results: unknown[] = [];
  const late: Event[] = [];
  let watermark = -Infinity;
  const close = (): void => {
    // A stable sort: windows that end together stay in the order in which they were opened.
    const due = open.filter(({ endMs }) => endMs <= watermark).sort((a, b) => a.endMs - b.endMs);
    open = open.filter(({ endMs }) => endMs > watermark);
    for (const { key, startMs, endMs, ids } of due) {
      results.push({ key, window: { startMs, endMs }, value: { ids } });
    }
  };
  for (const event of events) {
    let isLate = true;
    const starts: number[] = [];
    for (let startMs = -300; startMs <= event.time; startMs++) {
      if (startMs % everyMs === 0 && event.time < startMs + sizeMs) starts.unshift(startMs);
    }
    for (const startMs of starts) {
      if (startMs + sizeMs <= watermark) continue;
      isLate = false;
      let window = open.find((w) => w.key === event.key && w.startMs === startMs);
      if (window === undefined) {
        window = { key: event.key, startMs, endMs: startMs + sizeMs, ids: [] };
        open.push(window);
      }
      window.ids.push(event.id);
    }
    if (isLate) late.push(event);
    watermark = Math.max(watermark, event.time - outOfOrderMs);
    close();
  }
  watermark = Infinity;
  close();
  return { results, late };
}

function plainAlarms({ events, outOfOrderMs }: Plan): readonly string[] {
  let timers: { readonly key: string; readonly at: number }[] = [];
  const last = new Map<string, number>();
  const alarms: string[] = [];
  let watermark = -Infinity;
  const fire = (): void => {
    for (;;) {
      const due = timers.filter(({ at }) => at <= watermark).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) return;
      timers = timers.filter(({ key }) => key !== due.key);
      last.delete(due.key);
      alarms.push(`${due.key} silent at ${due.at}`);
    }
  };
  for (const { key, time } of events) {
    const before = (last.get(key) ?? -1) + 25;
    timers = timers.filter((timer) => timer.key !== key || timer.at !== before);
    last.set(key, time);
    if (!timers.some((timer) => timer.key === key && timer.at === time + 25)) {
      timers.push({ key, at: time + 25 });
    }
    watermark = Math.max(watermark, time - outOfOrderMs);
    fire();
  }
  watermark = Infinity;
  fire();
  return alarms;
}

function plainPairs({ events, outOfOrderMs }: Plan): string[] {
  let watermark = -Infinity;
  const inTime: Event[] = [];
  for (const event of events) {
    if (event.time >= watermark) inTime.push(event);
    watermark = Math.max(watermark, event.time - outOfOrderMs);
  }
  return inTime
    .filter(({ id }) => id % 2 === 0)
    .flatMap((left) =>
      inTime
        .filter(({ id, key, time }) => {
          return id % 2 === 1 && key === left.key && Math.abs(time - left.time) <= 15;
        })
        .map((right) => `${left.id} ${right.id}`),
    );
}
