// Pipelines to be crashed: each shape in which state, time or barriers come together.

import { Pipeline, jsonState, slidingWindow, tumblingWindow } from '../../src/index.js';
import type { AlignmentOptions, Stream } from '../../src/index.js';
import type { CustomOperator, ReadableSource, Sink } from '../../src/extend/index.js';
import { readableSource } from '../../src/testing/index.js';
import type { Crashable, World } from '../../src/testing/index.js';
import { untilLater } from './support.js';

export interface Order {
  readonly id: number;
  readonly account: string;
  readonly time: number;
}

/** Each account in one stream only: what several streams give a key would come in any order. */
export const input = {
  left: [
    { id: 1, account: 'ann', time: 10 },
    { id: 2, account: 'bob', time: 20 },
    { id: 3, account: 'ann', time: 120 },
    { id: 4, account: 'ann', time: 130 },
    { id: 5, account: 'bob', time: 250 },
  ],
  right: [
    { id: 11, account: 'cid', time: 15 },
    { id: 12, account: 'dan', time: 115 },
    { id: 13, account: 'cid', time: 135 },
    { id: 14, account: 'cid', time: 240 },
  ],
  names: [
    { account: 'ann', name: 'Ann' },
    { account: 'bob', name: 'Bob' },
    { account: 'ann', name: 'Anna' },
  ],
};

export type Shape =
  | 'fan-in'
  | 'windows'
  | 'sliding'
  | 'idle'
  | 'join'
  | 'aligned'
  | 'table'
  | 'timers'
  | 'two-sinks'
  | 'custom'
  | 'custom-two-sinks';

export const builds: Readonly<Record<Shape, (world: World) => Crashable>> = {
  'fan-in': (world) => {
    const { pipeline, left, right } = begin(world);
    const both = left.union(right.map((order) => order));
    counted(both).to('a', world.sink('a', 'durable'));
    both.map(({ id, account }) => ({ key: account, number: id })).to('b', last(world));
    return prepared(world, pipeline, 'key');
  },

  windows: (world) => {
    const { pipeline, left, right } = begin(world);
    windowed(left.union(right)).to('a', world.sink('a', 'durable'));
    return prepared(world, pipeline, 'key');
  },

  /** Windows that share slices; they begin 30 ms off, and last two and a half times their distance. */
  sliding: (world) => {
    const { pipeline, left, right } = begin(world);
    sliding(left.union(right)).to('a', world.sink('a', 'durable'));
    return prepared(world, pipeline, 'key');
  },

  /** The right source is idle again and again, when the left one has ended long since. */
  idle: (world) => {
    const { pipeline, left, right } = begin(world, {
      right: { everyMs: 20_000, idleAfterMs: 5_000 },
    });
    windowed(left.union(right)).to('a', world.sink('a', 'durable'));
    return prepared(world, pipeline, 'key');
  },

  join: (world) => {
    const { pipeline, left, right } = begin(world);
    const any = (): string => 'all';
    left
      .keyBy(any)
      .join('pairs', right.keyBy(any), {
        withinMs: 100,
        // Pairs come in any order: each is a key of its own.
        combine: (one, other) => ({ key: `${one.id} ${other.id}`, number: 1 }),
      })
      .to('a', world.sink('a', 'durable'));
    return prepared(world, pipeline, 'key');
  },

  /** The left source is ahead at once, and waits for the right one again after each restart. */
  aligned: (world) => {
    const { pipeline, left, right } = begin(world, {
      left: { alignment: { maxDriftMs: 20 } },
      right: { everyMs: 400 },
    });
    windowed(left.union(right)).to('a', world.sink('a', 'durable'));
    return prepared(world, pipeline, 'key');
  },

  table: (world) => {
    const { pipeline, left } = begin(world, { only: 'left' });
    const names = pipeline.table(
      'names',
      readableSource(world.source<(typeof input.names)[number]>('names')),
      ({ account }) => account,
    );
    const named = left.lookup(
      names,
      ({ account }) => account,
      (order, row) => ({ ...order, account: row?.name ?? '' }),
    );
    counted(named).to('a', world.sink('a', 'durable'));
    return prepared(world, pipeline, 'input');
  },

  timers: (world) => {
    const { pipeline, left } = begin(world, { only: 'left' });
    timed(left).to('a', world.sink('a', 'durable'));
    return prepared(world, pipeline, 'input');
  },

  /** One of two sinks loses in a crash what it had prepared, and decides. */
  'two-sinks': (world) => {
    const { pipeline, left } = begin(world, { only: 'left', deterministic: true });
    timed(left).to('a', world.sink('a', 'durable'));
    counted(left).to('b', last(world));
    return prepared(world, pipeline, 'input');
  },

  /** Told of time that several inputs have come to, one of which ends long before the other. */
  custom: (world) => {
    const { pipeline, left, right } = begin(world, { right: { everyMs: 200 } });
    left.union(right).apply('hundreds', hundreds()).to('a', world.sink('a', 'durable'));
    left.apply('of-left', hundreds()).to('b', last(world));
    return prepared(world, pipeline, 'key');
  },

  'custom-two-sinks': (world) => {
    const { pipeline, left } = begin(world, { only: 'left', deterministic: true });
    left.apply('hundreds', hundreds()).to('a', world.sink('a', 'durable'));
    counted(left).to('b', last(world));
    return prepared(world, pipeline, 'input');
  },
};

function begin(
  world: World,
  { only, deterministic = false, left: leftPace = {}, right = {} }: BeginOptions = {},
) {
  const pipeline = new Pipeline('orders', { deterministic });
  const open = (name: 'left' | 'right', { everyMs = 0, ...times }: Pace): Stream<Order> =>
    pipeline.source(name, slowed(world, readableSource(world.source<Order>(name)), everyMs), {
      eventTime: { timeOf: ({ time }) => time, ...times },
    });
  const left = open('left', leftPace);
  return { pipeline, left, right: only === undefined ? open('right', right) : left };
}

interface Pace {
  /** Records come one by one, after so long each. Default at once. */
  readonly everyMs?: number;
  readonly idleAfterMs?: number;
  readonly alignment?: AlignmentOptions;
}

interface BeginOptions {
  readonly only?: 'left';
  readonly deterministic?: boolean;
  readonly left?: Pace;
  readonly right?: Pace;
}

function slowed<Rec>(
  { clock }: World,
  source: ReadableSource<Rec>,
  everyMs: number,
): ReadableSource<Rec> {
  if (everyMs === 0) return source;
  return {
    ...source,
    async *read({ signal }) {
      for await (const batch of source.read({ signal })) {
        await untilLater(clock, everyMs, signal);
        if (signal.aborted) return;
        yield batch;
      }
    },
  };
}

function last(world: World): Sink {
  return world.sink('b', 'last-resource');
}

function windowed(orders: Stream<Order>) {
  return orders
    .keyBy(({ account }) => account)
    .window('windows', tumblingWindow({ sizeMs: 100 }), {
      initial: { ids: [] as number[] },
      add: (value, { id }) => ({ ids: [...value.ids, id] }),
      result: (key, { startMs }, { ids }) => ({ key, number: startMs, ids }),
    });
}

function sliding(orders: Stream<Order>) {
  return orders
    .keyBy(({ account }) => account)
    .window('sliding', slidingWindow({ sizeMs: 100, everyMs: 40, offsetMs: -30 }), {
      initial: { ids: [] as number[] },
      add: (value, { id }) => {
        value.ids.push(id);
        return value;
      },
      merge: (earlier, later) => {
        earlier.ids.push(...later.ids);
        return earlier;
      },
      // In one text: all windows of a key come one after the other.
      result: (key, { startMs }, { ids }) => ({ key, number: startMs, ids }),
    });
}

function counted(orders: Stream<Order>) {
  return orders
    .keyBy(({ account }) => account)
    .aggregate('counts', {
      initial: { n: 0 },
      add: (value) => Object.assign(value, { n: value.n + 1 }),
      result: (key, { n }) => ({ key, number: n }),
    });
}

/** Tells of an account when it has been silent for 50 ms, and how many orders it had by then. */
function timed(orders: Stream<Order>) {
  return orders
    .keyBy(({ account }) => account)
    .process<{ n: number; at: number }, { key: string; number: number; at: number }>('silence', {
      initial: { n: 0, at: 0 },
      onRecord: ({ time }, context) => {
        context.deleteTimer(context.state.at);
        context.state = { n: context.state.n + 1, at: time + 50 };
        context.setTimer(time + 50);
      },
      onTimer: (at, context) => {
        context.emit({ key: context.key, number: context.state.n, at });
      },
    });
}

/** Counts orders by hundreds of milliseconds; tells of each when it is over, and of all at the end. */
function hundreds(): CustomOperator<Order, { key: string; number: number }> {
  interface Counts {
    open: readonly { readonly startMs: number; readonly number: number }[];
    all: number;
  }
  let counts: Counts = { open: [], all: 0 };
  return {
    ...jsonState(
      () => counts,
      (saved) => {
        counts = saved;
      },
      { deterministic: true },
    ),
    onRecord: ({ time }) => {
      const startMs = Math.floor(time / 100) * 100;
      const number = 1 + (counts.open.find((one) => one.startMs === startMs)?.number ?? 0);
      const others = counts.open.filter((one) => one.startMs !== startMs);
      counts = { open: [...others, { startMs, number }], all: counts.all + 1 };
    },
    onTime: async (watermark, context) => {
      await Promise.resolve();
      const isOver = ({ startMs }: { startMs: number }): boolean => startMs + 100 <= watermark;
      for (const { startMs, number } of counts.open.filter(isOver)) {
        context.emit({ key: `from ${startMs}`, number });
      }
      counts = { ...counts, open: counts.open.filter((one) => !isOver(one)) };
      // The state does not remember that it has told: it relies on being asked once.
      if (watermark === Infinity) context.emit({ key: 'all', number: counts.all });
    },
  };
}

function prepared(world: World, pipeline: Pipeline, order: 'input' | 'key'): Crashable {
  const { store, clock, random, logger } = world;
  const checkpoint = { intervalMs: 150 };
  const run = pipeline.prepare({
    store,
    clock,
    random,
    logger,
    checkpoint,
    handleSignals: false,
  });
  return { coordinator: run.coordinator, run: () => run.run(), order };
}
