// Pipelines of Node's streams to be crashed.

import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { jsonState } from '../../../src/index.js';
import type { CustomOperator } from '../../../src/extend/index.js';
import { StreamPipeline } from '../../../src/pipeline/node-streams/index.js';
import { readableSource } from '../../../src/testing/index.js';
import type { Crashable, World } from '../../../src/testing/index.js';

interface Order {
  readonly account: string;
  readonly amount: number;
}

export const input: readonly Order[] = [
  { account: 'ann', amount: 5 },
  { account: 'bob', amount: 7 },
  { account: 'ann', amount: 11 },
  { account: 'ann', amount: 13 },
  { account: 'bob', amount: 17 },
];

/** Totals by account: what the sinks hold shows whether their state was put back. */
function totals(): CustomOperator<Order, object> {
  let byAccount: Record<string, number> = {};
  return {
    ...jsonState(
      () => byAccount,
      (saved) => {
        byAccount = saved;
      },
      { deterministic: true },
    ),
    onRecord: ({ account, amount }, context) => {
      const total = (byAccount[account] ?? 0) + amount;
      byAccount[account] = total;
      context.emit({ key: account, total });
    },
  };
}

/** Streams through both kinds of wrapping, into a sink that a fresh process can commit. */
function wrapped(world: World): Crashable {
  const streams = new StreamPipeline('orders', {
    sources: { orders: readableSource(world.source<Order>('orders')) },
    operators: { totals: totals() },
    sinks: { a: world.sink('a', 'durable') },
    build: ({ source, map, oneToOne, operator, perEpoch, sink }) =>
      pipeline(
        source('orders', { highWaterMark: 2 }),
        oneToOne(new Transform({ objectMode: true, transform: (o, _, done) => done(null, o) })),
        map((order: Order) => order),
        operator('totals'),
        perEpoch(holdingOne),
        sink('a', { highWaterMark: 1 }),
      ),
  });
  return streams.prepare(runOptions(world));
}

/** Keeps one record back until the next one, or its end, comes. */
function holdingOne(): Transform {
  const held: unknown[] = [];
  return new Transform({
    objectMode: true,
    transform(record, _encoding, done) {
      held.push(record);
      if (held.length > 1) this.push(held.shift());
      done();
    },
    flush(done) {
      for (const record of held) this.push(record);
      done();
    },
  });
}

/** Two chains of which one ends in a sink that commits first, the other in a durable one. */
function twoChains(world: World): Crashable {
  const streams = new StreamPipeline('orders', {
    sources: {
      left: readableSource(world.source<Order>('left')),
      right: readableSource(world.source<Order>('right')),
    },
    operators: { totals: totals() },
    sinks: { a: world.sink('a', 'durable'), b: world.sink('b', 'last-resource') },
    build: async ({ source, operator, sink }) => {
      await Promise.all([
        pipeline(source('left'), operator('totals'), sink('a')),
        pipeline(source('right'), sink('b')),
      ]);
    },
  });
  return streams.prepare(runOptions(world));
}

/** One chain into a sink that loses in a crash what it had prepared. */
function lastResource(world: World): Crashable {
  const streams = new StreamPipeline('orders', {
    sources: { orders: readableSource(world.source<Order>('orders')) },
    operators: { totals: totals() },
    sinks: { a: world.sink('a', 'last-resource') },
    deterministic: true,
    build: ({ source, operator, sink }) =>
      pipeline(source('orders'), operator('totals'), sink('a')),
  });
  return streams.prepare(runOptions(world));
}

function runOptions({ store, clock, random, logger }: World) {
  return { store, clock, random, logger, checkpoint: { intervalMs: 150 }, handleSignals: false };
}

export type StreamShape = 'streams-wrapped' | 'streams-side-by-side' | 'streams-last-resource';

export const builds: Readonly<Record<StreamShape, (world: World) => Crashable>> = {
  'streams-wrapped': wrapped,
  'streams-side-by-side': twoChains,
  'streams-last-resource': lastResource,
};
