import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Pipeline } from 'tidegate';
import { crashEverywhere, readableSource, type Build, type World } from 'tidegate/testing';
import { buildOrders, type Order } from '../../examples/01-a-loop-with-safe-points.js';
import {
  buildOrders as buildFileOrders,
  type Order as FileOrder,
} from '../../examples/03-killed-and-recovered.js';
import {
  buildClimate,
  readings,
  type Reading,
} from '../../examples/10-windows-and-late-records.js';
import type { Flight } from '../../examples/main-job/flight.js';
import { flightsPipeline } from '../../examples/main-job/job.js';

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

  test('03, from a source into one sink', async () => {
    const orders = [1, 2, 3, 4, 5, 6].map((id) => ({ id, account: 'ann', amount: id }));
    const build: Build = (world) => {
      const source = readableSource(world.source<FileOrder>('orders'));
      return prepared(buildFileOrders(source, world.sink('archive', 'durable')), world);
    };
    await expectKept(build, orders);
  }, 100_000);

  test('10, windows and late records', async () => {
    const build: Build = (world) => {
      const pipeline = buildClimate(
        readableSource(world.source<Reading>('readings')),
        world.sink('averages', 'durable'),
        world.sink('late', 'durable'),
      );
      return prepared(pipeline, world);
    };
    await expectKept(build, readings);
  }, 100_000);

  test('the main job', async () => {
    const build: Build = (world) => {
      const source = readableSource(world.source<Flight>('flights'));
      const statistics = world.sink('statistics', 'durable');
      const archive = world.sink('archive', 'durable');
      return prepared(flightsPipeline('flights', source, { statistics, archive }), world);
    };
    await expectKept(build, flights);
  }, 100_000);
});

/** Two airports on two days; some flights are late enough to be archived. */
const flights: readonly Flight[] = Array.from({ length: 8 }, (_, index) => ({
  time: Math.floor(index / 4) * 86_400_000 + index * 60_000,
  delay: index % 3 === 0 ? 130 + index : index,
  distance: 500,
  origin: index % 2 === 0 ? 'ATL' : 'ORD',
  destination: 'DEN',
}));

function prepared(pipeline: Pipeline, { store, clock, random }: World): ReturnType<Build> {
  const checkpoint = { intervalMs: 150 };
  return pipeline.prepare({ store, clock, random, checkpoint, handleSignals: false });
}

/** Single faults and pairs of them, by a fixed seed. */
async function expectKept(build: Build, input: readonly unknown[]): Promise<void> {
  const report = await crashEverywhere(build, { input, crashes: 2, maxSchedules: 60, seed: 1 });
  expect(report.violations).toEqual([]);
  expect(report.schedules).toBeGreaterThan(40);
}
