import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { crashEverywhere, readableSource, type Build } from 'tidegate/testing';
import { buildOrders, type Order } from '../../examples/01-a-loop-with-safe-points.js';
import {
  buildClimate,
  readings,
  type Reading,
} from '../../examples/10-windows-and-late-records.js';

beforeEach(() => {
  jest.spyOn(console, 'log').mockImplementation(() => {});
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('no crash breaks the promise of the example', () => {
  test('01, a loop with safe points', async () => {
    const orders: readonly Order[] = [3, 5, 8, 13, 21, 34].map((amount, index) => ({
      account: index % 2 === 0 ? 'ann' : 'bob',
      amount,
    }));
    const build: Build = (world) =>
      buildOrders({
        orders,
        store: world.store,
        clock: world.clock,
        random: world.random,
        warehouse: world.sink('warehouse', 'durable'),
        archive: world.sink('archive', 'durable'),
      });
    await expectKept(build, []);
  }, 100_000);

  test('10, windows and late records', async () => {
    const build: Build = (world) => {
      const pipeline = buildClimate(
        readableSource(world.source<Reading>('readings')),
        world.sink('averages', 'durable'),
        world.sink('late', 'durable'),
      );
      const { store, clock, random } = world;
      const checkpoint = { intervalMs: 150 };
      return pipeline.prepare({ store, clock, random, checkpoint, handleSignals: false });
    };
    await expectKept(build, readings);
  }, 100_000);
});

/** Single faults and pairs of them, by a fixed seed. */
async function expectKept(build: Build, input: readonly unknown[]): Promise<void> {
  const report = await crashEverywhere(build, { input, crashes: 2, schedulesMax: 60, seed: 1 });
  expect(report.violations).toEqual([]);
  expect(report.schedules).toBeGreaterThan(40);
}
