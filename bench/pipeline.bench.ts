// The flights job through a pipeline against a hand-written loop doing the same work, and what checkpoints cost.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  arraySource,
  MemoryCheckpointStore,
  Pipeline,
  tumblingWindow,
  type ReadableSource,
  type TwoPhaseSink,
} from 'tidegate';
import { printRows, quantile } from './measure.js';

interface Flight {
  readonly date: number;
  readonly delay: number;
  readonly origin: string;
}

interface Delays {
  count: number;
  sum: number;
  largest: number;
}

const dayMs = 86_400_000;
const records = Number(process.argv[2] ?? 500_000);
const rounds = Number(process.argv[3] ?? 7);
const flights = makeFlights(records);

await throughput();
await stall();
await slopes();

/** Decoded rows in memory, in date order, as the real file has them: 300 airports, 16 000 a day. */
function makeFlights(count: number): readonly Flight[] {
  const airports = Array.from({ length: 300 }, (_, index) => `A${index.toString(36)}`);
  let state = 1;
  return Array.from({ length: count }, (_, index) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return {
      date: 978_307_200_000 + Math.floor(index / 16_000) * dayMs + (index % 16_000) * 5_000,
      delay: ((state >>> 8) % 400) - 30,
      origin: airports[(state >>> 16) % airports.length] ?? '',
    };
  });
}

async function throughput(): Promise<void> {
  const times: Record<'loop' | 'without' | 'with', number[]> = { loop: [], without: [], with: [] };
  const shares: number[] = [];
  for (let round = -2; round < rounds; round++) {
    const loop = await timed(() => byHand());
    const without = await timed(() => runFlights(0));
    const checkpointed = await timed(() => runFlights(100));
    if (round < 0) continue;
    times.loop.push(loop.ms);
    times.without.push(without.ms);
    times.with.push(checkpointed.ms);
    shares.push(checkpointed.ms / without.ms);
  }
  const ratio = (name: 'without' | 'with'): readonly string[] => {
    const ratios = times[name].map((ms, round) => ms / (times.loop[round] ?? ms));
    return [median(times[name]), spread(ratios), perSecond(times[name])];
  };
  console.log(
    `${records} flights, per airport and day, into one window sink and one archive sink\n`,
  );
  printRows(
    ['', 'median ms', 'ratio to the loop (p10 to p90)', 'records/s'],
    [
      ['hand-written loop', median(times.loop), '1.00', perSecond(times.loop)],
      ['pipeline, no checkpoints', ...ratio('without')],
      ['pipeline, checkpoint each 100 ms', ...ratio('with')],
    ],
  );
  console.log(`\ncheckpoints ten times a second: time ratio ${spread(shares)}`);
}

function byHand(): Promise<void> {
  const open = new Map<string, Delays>();
  let archive: Flight[] = [];
  const results: unknown[] = [];
  let day = 0;
  for (const flight of flights) {
    const start = Math.floor(flight.date / dayMs) * dayMs;
    if (start > day) {
      for (const [key, value] of open) results.push({ key, window: { startMs: day }, value });
      open.clear();
      day = start;
    }
    const value = open.get(flight.origin);
    if (value === undefined) open.set(flight.origin, addDelay(noDelay(), flight));
    else addDelay(value, flight);
    if (flight.delay > 60) archive.push(flight);
    if (archive.length > 1_000) archive = [];
  }
  return Promise.resolve();
}

async function runFlights(intervalMs: number): Promise<void> {
  const pipeline = new Pipeline('flights');
  const stream = pipeline.source('flights', arraySource(flights), {
    eventTime: { timeOf: (flight) => flight.date },
  });
  stream
    .keyBy((flight) => flight.origin)
    .window('delays', tumblingWindow({ sizeMs: dayMs }), { initial: noDelay, add: addDelay })
    .to('delays', nowhere());
  stream.filter((flight) => flight.delay > 60).to('archive', nowhere());
  await pipeline.run({
    store: new MemoryCheckpointStore(),
    checkpoint: { intervalMs },
    handleSignals: false,
  });
}

function noDelay(): Delays {
  return { count: 0, sum: 0, largest: -1_000 };
}

function addDelay(value: Delays, { delay }: Flight): Delays {
  value.count += 1;
  value.sum += delay;
  if (delay > value.largest) value.largest = delay;
  return value;
}

/** The gap between turns of the event loop, with and without checkpoints, by number of keys. */
async function stall(): Promise<void> {
  const rows: string[][] = [];
  for (const keys of [10_000, 100_000, 1_000_000]) {
    const without = await gaps(keys, 0);
    const checkpointed = await gaps(keys, 200);
    rows.push([
      String(keys),
      without.p99.toFixed(1),
      checkpointed.p99.toFixed(1),
      (checkpointed.p99 - without.p99).toFixed(1),
      checkpointed.max.toFixed(1),
      String(checkpointed.checkpoints),
    ]);
  }
  console.log('\nEvent-loop gap in ms while keyed state is updated\n');
  printRows(['keys', 'p99 without', 'p99 with', 'difference', 'maximum with', 'checkpoints'], rows);
}

async function gaps(keys: number, intervalMs: number) {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  const run = keyedRun({ keys, intervalMs, updates: keys + 2_000_000, operators: 1, sinks: 1 });
  run.afterLoad(() => histogram.enable());
  const report = await run.ended;
  histogram.disable();
  const [p99, max] = [histogram.percentile(99) / 1e6 - 1, histogram.max / 1e6 - 1];
  return { p99, max, checkpoints: report.checkpoints };
}

/** What one checkpoint costs, by keys, operators and sinks. */
async function slopes(): Promise<void> {
  const rows: string[][] = [];
  const base = { keys: 10_000, operators: 1, sinks: 1 };
  const shapes = [
    base,
    { ...base, keys: 100_000 },
    { ...base, operators: 8 },
    { ...base, sinks: 8 },
  ];
  for (const shape of shapes) {
    const costs: number[] = [];
    for (let round = 0; round < 3; round++) {
      const updates = 1_000_000;
      const off = await timed(() => keyedRun({ ...shape, updates, intervalMs: 0 }).ended);
      const on = await timed(() => keyedRun({ ...shape, updates, intervalMs: 50 }).ended);
      costs.push(
        (on.cpuMs - off.cpuMs) / Math.max(1, on.value.checkpoints - off.value.checkpoints),
      );
    }
    rows.push([shape.keys, shape.operators, shape.sinks].map(String).concat(spread(costs)));
  }
  console.log('\nMain-thread CPU of one checkpoint, ms\n');
  printRows(['keys', 'operators', 'sinks', 'median (p10 to p90)'], rows);
}

interface KeyedShape {
  readonly keys: number;
  readonly updates: number;
  readonly operators: number;
  readonly sinks: number;
  readonly intervalMs: number;
}

function keyedRun({ keys, updates, operators, sinks, intervalMs }: KeyedShape) {
  const pipeline = new Pipeline('keys');
  let loaded = (): void => undefined;
  const names = Array.from({ length: keys }, (_, index) => `key ${index}`);
  let stream = pipeline.source<number>(
    'numbers',
    countingSource(updates, keys, () => loaded()),
  );
  for (let index = 0; index < operators; index++) {
    stream = stream
      .keyBy((number) => names[number % keys] ?? '')
      .aggregate(`sums-${index}`, {
        initial: () => ({ count: 0 }),
        add: (sum) => {
          sum.count += 1;
          return sum;
        },
        result: (_key, { count }) => count,
      });
  }
  const rare = stream.filter((count) => count < 0);
  for (let index = 0; index < sinks; index++) rare.to(`sink-${index}`, nowhere());
  const ended = pipeline.run({
    store: new MemoryCheckpointStore(),
    checkpoint: { intervalMs },
    handleSignals: false,
  });
  return { ended, afterLoad: (listener: () => void) => (loaded = listener) };
}

function countingSource(end: number, loadEnd: number, loaded: () => void): ReadableSource<number> {
  let next = 0;
  return {
    position: () => ({ next: String(next) }),
    restore: (offsets) => {
      next = Number(offsets.next);
    },
    async *read({ signal }) {
      while (next < end && !signal.aborted) {
        const batch = Array.from({ length: 512 }, (_, index) => next + index);
        if (next < loadEnd && next + 512 >= loadEnd) loaded();
        next += 512;
        yield await Promise.resolve({ records: batch, offsets: { next: String(next) } });
      }
    },
  };
}

/** A durable sink that drops what it is given: what is measured is the pipeline. */
function nowhere<Rec>(): TwoPhaseSink<Rec> {
  const committed = new Set<string>();
  let newest: number | undefined;
  const inspector = {
    inspect: ({ handle }: { readonly handle?: string | undefined }) =>
      Promise.resolve(committed.has(handle ?? '') ? ('committed' as const) : ('absent' as const)),
    lastCommitted: () => Promise.resolve(newest as never),
    listPrepared: () => Promise.resolve([]),
  };
  return {
    durability: 'durable',
    openReadOnly: () => Promise.resolve(inspector),
    open: () =>
      Promise.resolve({
        ...inspector,
        write: () => undefined,
        preCommit: ({ checkpointId }) => Promise.resolve({ handle: String(checkpointId) }),
        commit: (handle) => {
          committed.add(handle);
          newest = Number(handle);
          return Promise.resolve('applied');
        },
        rollback: () => Promise.resolve(new Map()),
      }),
  };
}

async function timed<Value>(work: () => Promise<Value>) {
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const value = await work();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { value, ms, cpuMs: (user + system) / 1_000 };
}

function median(values: readonly number[]): string {
  return quantile(values, 0.5).toFixed(1);
}

function spread(values: readonly number[]): string {
  const [p10, p90] = [quantile(values, 0.1), quantile(values, 0.9)];
  return `${quantile(values, 0.5).toFixed(2)} (${p10.toFixed(2)} to ${p90.toFixed(2)})`;
}

function perSecond(values: readonly number[]): string {
  return Math.round(records / (quantile(values, 0.5) / 1_000)).toLocaleString('en');
}
