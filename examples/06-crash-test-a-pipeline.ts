// A suite to copy for a `Pipeline`: crashes it at every step, restarts it, and checks its sinks.
//
// Sources and sinks are the world's: what is tested is what lies between them, and your settings.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Pipeline, type Stream } from 'tidegate';
import type { Sink } from 'tidegate/extend';
import { crashEverywhere, readableSource, type Crashable, type World } from 'tidegate/testing';

interface Order {
  readonly account: string;
  readonly amount: number;
}

interface Total {
  readonly account: string;
  readonly total: number;
}

const input: readonly Order[] = [
  { account: 'ann', amount: 5 },
  { account: 'bob', amount: 7 },
  { account: 'ann', amount: 11 },
  { account: 'bob', amount: 13 },
];

// #region build
/** What the program and its test have in common: everything between sources and sinks. */
function connect(orders: Stream<Order>, warehouse: Sink<Total>): void {
  orders
    .filter(({ amount }) => amount > 0)
    .keyBy(({ account }) => account)
    .aggregate('totals', {
      initial: 0,
      add: (total, { amount }) => total + amount,
      result: (account, total) => ({ account, total }),
    })
    .to('warehouse', warehouse);
}

/** Made anew for each process: nothing may survive outside the world. */
function buildPipeline(world: World): Crashable {
  const pipeline = new Pipeline('orders');
  const orders = pipeline.source('orders', readableSource(world.source<Order>('orders')));
  connect(orders, world.sink('warehouse', 'durable'));
  const { store, clock, random } = world;
  const checkpoint = { intervalMs: 150 };
  const run = pipeline.prepare({ store, clock, random, checkpoint, handleSignals: false });
  return { coordinator: run.coordinator, run: () => run.run() };
}

void test('totals survive a crash at every step', async () => {
  const result = await crashEverywhere(buildPipeline, { input, faults: ['kill-after'] });
  console.log(`${result.schedules} schedules over ${result.points} points: one fault each`);
  assert.deepEqual(result.violations, []);
});
// #endregion build

void test('totals survive a power failure, and a call that takes effect late', async () => {
  const faults = ['power-after', 'kill-late'] as const;
  const result = await crashEverywhere(buildPipeline, {
    input,
    faults: [...faults],
    maxSchedules: 200,
  });
  console.log(`${result.schedules} schedules: ${faults.join(', ')}`);
  assert.deepEqual(result.violations, []);
});
