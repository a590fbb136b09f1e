// The flights job through a pipeline against a hand-written loop doing the same work, and what checkpoints cost.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isQuick, printRows, quantile } from './measure.js';
import { loopOfFiles, pipelineOfFiles, refuseDifferentFiles, Room } from './pipeline/end-to-end.js';
import { readFlights, type Flight } from './pipeline/flights.js';
import { runKeyed } from './pipeline/keyed.js';
import { loopInMemory, pipelineInMemory, refuseDifferent } from './pipeline/in-memory.js';
import { timed, type Timed } from './pipeline/timed.js';

const count = isQuick ? 20_000 : 500_000;
const rounds = isQuick ? 1 : 7;
const flights = await readFlights(count);

await fromMemory(flights);
await endToEnd(flights);
await stall();
await slopes();

async function fromMemory(rows: readonly Flight[]): Promise<void> {
  refuseDifferent(await loopInMemory(rows), await pipelineInMemory(rows, 0));
  console.log(`${count} flights from decoded rows in memory\n`);
  await compareWays([
    ['hand-written loop', () => loopInMemory(rows)],
    ['pipeline, no checkpoints', () => pipelineInMemory(rows, 0)],
    ['pipeline, checkpoint each 100 ms', () => pipelineInMemory(rows, 100)],
  ]);
}

async function endToEnd(rows: readonly Flight[]): Promise<void> {
  const room = new Room(rows);
  const { input } = room;
  const [byLoop, byPipeline] = [room.newWork(), room.newWork()];
  await loopOfFiles(input, byLoop);
  await pipelineOfFiles(input, byPipeline, 0);
  refuseDifferentFiles(byLoop, byPipeline);
  console.log(`\n${count} flights from a file of JSON Lines into two synced files\n`);
  const often = 25;
  const [, without = [], , frequent = []] = await compareWays([
    ['hand-written loop', () => loopOfFiles(input, room.newWork())],
    ['pipeline, last checkpoint only', () => pipelineOfFiles(input, room.newWork(), 0)],
    ['pipeline, checkpoint each second', () => pipelineOfFiles(input, room.newWork(), 1_000)],
    [`pipeline, checkpoint each ${often} ms`, () => pipelineOfFiles(input, room.newWork(), often)],
  ]);
  const costs = frequent.map(({ mainThreadMs, value }, round) => {
    const [off, more] = [without[round], Number(value) - Number(without[round]?.value)];
    return (mainThreadMs - (off?.mainThreadMs ?? Number.NaN)) / more;
  });
  const shares = costs.map((ms) => ms / 10);
  console.log(
    `\nOne checkpoint costs ${spread(costs)} ms of the main thread's processor time; ` +
      `one each second is ${spread(shares)} % of it.\n` +
      `(Measured with one each ${often} ms: one each second is lost in the noise.)`,
  );
}

type Way = readonly [name: string, run: () => Promise<unknown>];

/** In turn, `rounds` times after a warm-up; ratios are taken round by round, to the first. */
async function compareWays(ways: readonly Way[]): Promise<readonly (readonly Timed<unknown>[])[]> {
  const results: Timed<unknown>[][] = ways.map(() => []);
  for (let round = -2; round < rounds; round++) {
    for (const [index, [, run]] of ways.entries()) {
      const result = await timed(run);
      if (round >= 0) results[index]?.push(result);
    }
  }
  const [floor = []] = results;
  const ratios = (own: readonly Timed<unknown>[], of: 'ms' | 'mainThreadMs'): string =>
    spread(own.map((result, round) => result[of] / (floor[round]?.[of] ?? Number.NaN)));
  printRows(
    ['', 'median ms', 'time ratio (p10 to p90)', 'main-thread CPU ratio', 'records/s'],
    ways.map(([name], index) => {
      const own = results[index] ?? [];
      const ms = quantile(
        own.map((result) => result.ms),
        0.5,
      );
      const perSecond = Math.round(count / (ms / 1_000)).toLocaleString('en');
      return [name, ms.toFixed(1), ratios(own, 'ms'), ratios(own, 'mainThreadMs'), perSecond];
    }),
  );
  return results;
}

/** The gap between turns of the event loop, with and without checkpoints, by number of keys. */
async function stall(): Promise<void> {
  const rows: string[][] = [];
  for (const keys of isQuick ? [1_000] : [10_000, 100_000, 1_000_000]) {
    const without = await gaps(keys, 0);
    const checkpointed = await gaps(keys, 200);
    const largest = (all: readonly number[]): string =>
      all.length === 0 ? '-' : `${quantile(all, 0.5).toFixed(1)} (${Math.max(...all).toFixed(1)})`;
    rows.push([
      String(keys),
      without.p99.toFixed(1),
      checkpointed.p99.toFixed(1),
      (checkpointed.p99 - without.p99).toFixed(1),
      largest(without.largest),
      largest(checkpointed.largest),
      String(checkpointed.largest.length),
    ]);
  }
  console.log('\nEvent-loop gap in ms while keyed state is updated\n');
  printRows(
    [
      'keys',
      'p99 without',
      'p99 with',
      'difference',
      'largest in 200 ms without: median (maximum)',
      'largest in a checkpoint: median (maximum)',
      'checkpoints',
    ],
    rows,
  );
}

interface Gaps {
  /** Of the whole run: checkpoints are a part of it. */
  readonly p99: number;
  /** Within each checkpoint; without any, within each stretch of 200 ms. */
  readonly largest: readonly number[];
}

async function gaps(keys: number, intervalMs: number): Promise<Gaps> {
  const whole = monitorEventLoopDelay({ resolution: 1 });
  const part = monitorEventLoopDelay({ resolution: 1 });
  const largest: number[] = [];
  let isLoaded = false;
  const begin = (): void => part.reset();
  const end = (): void => {
    if (isLoaded && part.count > 0) largest.push(part.max / 1e6 - 1);
    part.reset();
  };
  const timer = intervalMs === 0 ? setInterval(end, 200) : undefined;
  await runKeyed({
    keys,
    intervalMs,
    updates: keys + (isQuick ? 20_000 : 4_000_000),
    operators: 1,
    sinks: 1,
    loaded: () => {
      isLoaded = true;
      whole.enable();
      part.enable();
    },
    watch: ({ coordinator }) => {
      if (intervalMs === 0) return;
      coordinator.events.on('attempt-started', begin);
      coordinator.events.on('checkpoint-completed', end);
    },
  });
  clearInterval(timer);
  whole.disable();
  part.disable();
  return { p99: whole.percentile(99) / 1e6 - 1, largest };
}

/** What one checkpoint costs, by keys, operators and sinks. */
async function slopes(): Promise<void> {
  const rows: string[][] = [];
  const base = { keys: 10_000, operators: 1, sinks: 1, updates: isQuick ? 20_000 : 1_000_000 };
  const shapes = [
    base,
    { ...base, keys: 100_000 },
    { ...base, operators: 8 },
    { ...base, sinks: 8 },
  ];
  for (const shape of shapes) {
    const costs: number[] = [];
    for (let round = isQuick ? 0 : -1; round < rounds; round++) {
      const off = await timed(() => runKeyed({ ...shape, intervalMs: 0 }));
      const on = await timed(() => runKeyed({ ...shape, intervalMs: 50 }));
      const more = Math.max(1, on.value.checkpoints - off.value.checkpoints);
      if (round >= 0) costs.push((on.mainThreadMs - off.mainThreadMs) / more);
    }
    rows.push([shape.keys, shape.operators, shape.sinks].map(String).concat(spread(costs)));
  }
  console.log('\nMain-thread CPU of one checkpoint, ms; every key changes meanwhile\n');
  printRows(['keys', 'operators', 'sinks', 'median (p10 to p90)'], rows);
}

function spread(values: readonly number[]): string {
  const [p10, p90] = [quantile(values, 0.1), quantile(values, 0.9)];
  return `${quantile(values, 0.5).toFixed(2)} (${p10.toFixed(2)} to ${p90.toFixed(2)})`;
}
