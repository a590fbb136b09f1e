// The orders pipeline as the graph of a `Pipeline`: sources, keys, an aggregate, sinks.

import { Pipeline } from '../../../src/pipeline/pipeline.js';
import type { Stream } from '../../../src/pipeline/stream.js';
import { namedSinks, type AccountTotal, type Order, type OrdersSetup } from './order-records.js';
import { readableSource } from '../../../src/testing/simulation/simulated-source.js';
import type { Crashable, World } from '../../../src/testing/simulation/world.js';

/**
 * Where a sink needs the same output for the same input, one source; otherwise two of them, which
 * are merged as they come, and a reference table. So only what has one key keeps its order.
 */
export function flowingOrders(world: World, setup: OrdersSetup): Crashable {
  const isDeterministic = setup.mix.includes('idempotent');
  const pipeline = new Pipeline('orders', { deterministic: isDeterministic });
  const input = pipeline.source('orders', readableSource(world.source<Order>('orders')));
  const entries = isDeterministic ? input : withFees(pipeline, world, input);
  const totals = entries
    .keyBy(({ account }) => account)
    .aggregate<Running, AccountTotal>('totals', {
      initial: { total: 0, number: 0 },
      add: ({ total }, { amount, number }) => ({ total: total + amount, number }),
      result: (key, { total, number }) => ({ key, number, total }),
    });
  for (const [name, durability] of namedSinks(setup.mix)) {
    totals.to(name, world.sink(name, durability));
  }
  const { store, clock, random, logger } = world;
  const run = pipeline.prepare({
    store,
    clock,
    random,
    logger,
    handleSignals: false,
    checkpoint: {
      intervalMs: 150,
      ...(setup.hasSidecar ? { stateInlineThresholdBytes: 0 } : {}),
      ...setup.settings,
    },
  });
  const order = isDeterministic ? 'input' : 'key';
  return { coordinator: run.coordinator, run: () => run.run(), order };
}

function withFees(pipeline: Pipeline, world: World, orders: Stream<Order>): Stream<Order> {
  const rates = readableSource(world.source<Order>('rates'));
  const table = pipeline.table('rates', rates, ({ account }) => account);
  const fees = pipeline.source('fees', readableSource(world.source<Order>('fees')));
  return orders.union(fees).lookup(
    table,
    ({ account }) => account,
    (order, rate) => ({ ...order, amount: order.amount * (rate?.amount ?? 1) }),
  );
}

interface Running {
  readonly total: number;
  readonly number: number;
}
