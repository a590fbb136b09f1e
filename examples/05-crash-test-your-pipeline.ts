// A suite to copy: crashes a pipeline at every step, restarts it, and checks what its sinks hold.
//
// With Jest or Vitest the body is the same; this file uses node:test, so that it runs by itself.

import assert from 'node:assert/strict';
import test from 'node:test';
import { CheckpointCoordinator, jsonState } from 'tidegate';
import { crashEverywhere, replaySchedule, type Crashable, type World } from 'tidegate/testing';

interface Order {
  readonly account: string;
  readonly amount: number;
}

const input: readonly Order[] = [
  { account: 'ann', amount: 5 },
  { account: 'bob', amount: 7 },
  { account: 'ann', amount: 11 },
  { account: 'bob', amount: 13 },
];

/** The pipeline under test, made anew for each process: nothing may survive outside the world. */
function buildOrders(world: World): Crashable {
  let totals: Record<string, number> = {};
  const orders = world.source<Order>('orders');
  const coordinator = new CheckpointCoordinator({
    pipeline: 'orders',
    store: world.store,
    clock: world.clock,
    random: world.random,
    sources: { orders },
    operators: {
      totals: jsonState(
        () => totals,
        (saved) => {
          totals = saved;
        },
      ),
    },
    sinks: {
      warehouse: world.sink('warehouse', 'durable'),
      ledger: world.sink('ledger', 'last-resource'),
    },
    checkpoint: { intervalMs: 150 },
  });
  const run = async (): Promise<void> => {
    await coordinator.start();
    for await (const { account, amount } of orders) {
      const point = await coordinator.safePoint();
      if (point.kind === 'rewound') continue; // The source was put back: drop what was read.
      totals[account] = (totals[account] ?? 0) + amount;
      const row = { account, total: totals[account] };
      await point.sinks.warehouse.write([row]);
      await point.sinks.ledger.write([row]);
    }
    await coordinator.stop();
  };
  return { coordinator, run };
}

// #region test
void test('orders survive a crash at every step', async () => {
  const result = await crashEverywhere(buildOrders, { input, faults: ['kill-after'] });
  console.log(`${result.schedules} schedules over ${result.points} points: one fault each`);
  assert.deepEqual(result.violations, []);
});
// #endregion test

void test('orders survive a crash inside the recovery from a crash', async () => {
  const result = await crashEverywhere(buildOrders, { input, crashes: 2, maxSchedules: 120 });
  console.log(`${result.schedules} schedules: up to two faults each`);
  const rows = [...result.matrix.rowCounts()].map(([row, count]) => `${row} (${count}x)`);
  console.log(`rows of the recovery table that decided: ${rows.join(', ')}`);
  assert.deepEqual(result.violations, []);
});

void test('a crash between the two commits is rolled forward: the ledger has decided', async () => {
  const schedule = ['kill-after sink ledger: commit#1'];
  const result = await replaySchedule(buildOrders, { input, schedule });
  assert.deepEqual(result.violations, []);
  const decided = result.rows.at(-1);
  console.log(`after ${schedule.join()}: row ${decided?.number}, ${decided?.label}`);
  assert.deepEqual(result.visible.get('warehouse'), result.visible.get('ledger'));
});
