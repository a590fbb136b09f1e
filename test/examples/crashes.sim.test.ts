import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Sink } from 'tidegate';
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
    const build: Build = ({ store, clock, random, sink }) =>
      buildOrders({
        orders,
        store,
        clock,
        random,
        warehouse: sink('warehouse', 'durable') as Sink<string>,
        archive: sink('archive', 'durable') as Sink<Order>,
      });
    await expectKept(build, []);
  }, 100_000);

  test('10, windows and late records', async () => {
    const build: Build = ({ store, clock, random, sink, source }) => {
      const pipeline = buildClimate(
        readableSource(source<Reading>('readings')),
        sink('averages', 'durable') as Sink<string>,
        sink('late', 'durable') as Sink<Reading>,
      );
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
