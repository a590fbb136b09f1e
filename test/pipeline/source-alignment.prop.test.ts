import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MemoryCheckpointStore, Pipeline, hasErrorCode, memorySink } from 'tidegate';
import type { Stream } from 'tidegate';
import type { ReadableSource, TwoPhaseSink } from 'tidegate/extend';
import { SimulatedClock } from 'tidegate/testing';
import { flakySink, timetabledSource, untilDone } from './support.js';

interface Plan {
  readonly sources: readonly {
    readonly departures: readonly { readonly afterMs: number; readonly steps: readonly number[] }[];
    readonly maxDriftMs: number | undefined;
    readonly idleAfterMs: number | undefined;
  }[];
  /** In each life but the last: stops after so many records at the sink. */
  readonly stops: readonly number[];
  readonly failures: readonly {
    readonly call: 'write' | 'preCommit' | 'commit';
    readonly nth: number;
  }[];
}

interface Timed {
  readonly id: string;
  readonly time: number;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  sources: fc.array(
    fc.record({
      departures: fc.array(
        fc.record({
          afterMs: fc.constantFrom(0, 0, 0, 5, 300),
          // Mostly onward, now and then back.
          steps: fc.array(fc.integer({ min: -20, max: 100 }), { minLength: 1, maxLength: 4 }),
        }),
        { maxLength: 12 },
      ),
      maxDriftMs: fc.option(fc.constantFrom(0, 10, 100), { nil: undefined, freq: 4 }),
      idleAfterMs: fc.option(fc.constantFrom(20, 200), { nil: undefined, freq: 2 }),
    }),
    { minLength: 2, maxLength: 4 },
  ),
  stops: fc.array(fc.nat(30), { maxLength: 2 }),
  failures: fc.array(
    fc.record({
      call: fc.constantFrom('write', 'preCommit', 'commit'),
      nth: fc.integer({ min: 1, max: 8 }),
    }),
    { maxLength: 2 },
  ),
});

test('each record comes once, and a source is read on only near the slowest, whatever fails and stops', async () => {
  await fc.assert(fc.asyncProperty(plans, runPlan), { seed: 20_261_201, numRuns: 120 });
}, 120_000);

async function runPlan(plan: Plan): Promise<void> {
  const sink = memorySink<Timed>();
  const store = new MemoryCheckpointStore();
  const clock = new SimulatedClock();
  const lives = [...plan.stops, undefined];
  let sent = 0;
  for (const stopAfter of lives) {
    const stop = new AbortController();
    const life = new Life(plan, clock);
    life.build(
      plan.failures.reduce<TwoPhaseSink<Timed>>(
        (broken, { call, nth }) => flakySink(broken, call, nth),
        sink,
      ),
      () => {
        sent += 1;
        if (sent === stopAfter) stop.abort();
      },
    );
    const { signal } = stop;
    const checkpoint = { intervalMs: 50 };
    const running = life.pipeline.run({ store, clock, signal, checkpoint, handleSignals: false });
    const outcome = running.then(
      (report) => report.outcome,
      (error: unknown) => {
        // A stop whose last records could not be committed: the next life reads them again.
        if (!hasErrorCode(error, 'TIDEGATE_FINAL_CHECKPOINT')) throw error;
        return 'stopped' as const;
      },
    );
    const ended = await untilDone(clock, outcome, { maxTimers: 20_000 });
    if (stopAfter === undefined) expect(ended).toMatch(/finished/);
    expect(life.leads).toEqual([]);
  }
  const expected = plan.sources
    .flatMap((_, source) => timetableOf(plan, source))
    .flatMap(({ records }) => records);
  const ids = (records: readonly Timed[]): readonly string[] => records.map(({ id }) => id).sort();
  expect(ids(sink.records)).toEqual(ids(expected));
}

class Life {
  readonly pipeline = new Pipeline('aligned');
  /** Times at which a source was read on while it was too far ahead. */
  readonly leads: string[] = [];
  readonly #plan: Plan;
  readonly #clock: SimulatedClock;
  /** Of what was handed out; undefined when nobody waits for the source. */
  readonly #watermarks: (number | undefined)[];

  constructor(plan: Plan, clock: SimulatedClock) {
    this.#plan = plan;
    this.#clock = clock;
    this.#watermarks = plan.sources.map(() => undefined);
  }

  build(sink: Parameters<Stream<Timed>['to']>[1], count: () => void): void {
    const streams = this.#plan.sources.map(({ maxDriftMs, idleAfterMs }, source) =>
      this.pipeline.source(`s${source}`, this.#watched(source), {
        eventTime: {
          timeOf: ({ time }: Timed) => time,
          ...(maxDriftMs === undefined ? {} : { alignment: { maxDriftMs } }),
          ...(idleAfterMs === undefined ? {} : { idleAfterMs }),
        },
      }),
    );
    const [first, ...others] = streams;
    const counted = (record: Timed): Timed => {
      count();
      return record;
    };
    first
      ?.union(...others)
      .map(counted)
      .to('out', sink);
  }

  #watched(index: number): ReadableSource<Timed> {
    const source = timetabledSource(this.#clock, timetableOf(this.#plan, index));
    const watermarks = this.#watermarks;
    const check = (): void => this.#check(index);
    return {
      ...source,
      restore: async (offsets, options) => {
        await source.restore(offsets, options);
        // At its end it is not asked again, and perhaps nobody waits for it.
        const isAtEnd = Number(offsets.next) === this.#plan.sources[index]!.departures.length;
        watermarks[index] =
          options.watermark === undefined || isAtEnd ? undefined : Number(options.watermark);
      },
      async *read(options) {
        for await (const batch of source.read(options)) {
          const times = batch.records.map(({ time }) => time);
          watermarks[index] = Math.max(watermarks[index] ?? -Infinity, ...times);
          yield batch;
          check();
        }
        watermarks[index] = Infinity;
      },
    };
  }

  /** Idle ones may be passed, and are left out: whether one is idle now is not known here. */
  #check(index: number): void {
    const { maxDriftMs } = this.#plan.sources[index]!;
    if (maxDriftMs === undefined) return;
    const own = this.#watermarks[index] ?? -Infinity;
    for (const [other, { idleAfterMs }] of this.#plan.sources.entries()) {
      const behind = this.#watermarks[other];
      if (idleAfterMs !== undefined || behind === undefined) continue;
      if (own > behind + maxDriftMs) this.leads.push(`s${index} at ${own}, s${other} at ${behind}`);
    }
  }
}

function timetableOf(plan: Plan, source: number) {
  let time = 0;
  let number = 0;
  return plan.sources[source]!.departures.map(({ afterMs, steps }) => ({
    afterMs,
    records: steps.map((step) => {
      time += step;
      number += 1;
      return { id: `${source}:${number}`, time };
    }),
  }));
}
