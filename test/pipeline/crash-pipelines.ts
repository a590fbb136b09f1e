// Pipelines to be crashed: each shape in which state, time or barriers come together.

import type { Sink } from '../../src/contracts/sink.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import type { Stream } from '../../src/pipeline/stream.js';
import { tumblingWindow } from '../../src/pipeline/windows.js';
import { readableSource } from '../../src/testing/simulation/readable-source.js';
import type { Crashable, World } from '../../src/testing/simulation/world.js';

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

export type Shape = 'fan-in' | 'windows' | 'join' | 'table' | 'timers' | 'replayed';

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
    left
      .union(right)
      .keyBy(({ account }) => account)
      .window('windows', tumblingWindow({ sizeMs: 100 }), {
        initial: { ids: [] as number[] },
        add: (value, { id }) => ({ ids: [...value.ids, id] }),
        result: (key, { startMs }, { ids }) => ({ key, number: startMs, ids }),
      })
      .to('a', world.sink('a', 'durable'));
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

  /** Two sinks that lose in a crash what they had prepared: what one has committed is replayed. */
  replayed: (world) => {
    const { pipeline, left } = begin(world, { only: 'left', deterministic: true });
    timed(left).to('a', world.sink('a', 'fenced'));
    counted(left).to('b', world.sink('b', 'fenced'));
    return prepared(world, pipeline, 'input');
  },
};

function begin(
  world: World,
  { only, deterministic = false }: { only?: 'left'; deterministic?: boolean } = {},
) {
  const pipeline = new Pipeline('orders', { deterministic });
  const open = (name: 'left' | 'right'): Stream<Order> =>
    pipeline.source(name, readableSource(world.source<Order>(name)), {
      eventTime: { timeOf: ({ time }) => time },
    });
  const left = open('left');
  return { pipeline, left, right: only === undefined ? open('right') : left };
}

function last(world: World): Sink {
  return world.sink('b', 'last-resource');
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
