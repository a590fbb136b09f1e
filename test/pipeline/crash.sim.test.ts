import { expect, test } from '@jest/globals';
import { arraySource } from '../../src/connectors/memory/array-source.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { tumblingWindow } from '../../src/pipeline/windows.js';
import { crashEverywhere } from '../../src/testing/crash-everywhere.js';
import type { World } from '../../src/testing/simulation/world.js';
import { readable } from './crash-support.js';

interface Order {
  readonly id: number;
  readonly account: string;
  readonly time: number;
}

const input: readonly Order[] = [
  { id: 1, account: 'ann', time: 10 },
  { id: 2, account: 'bob', time: 20 },
  { id: 3, account: 'ann', time: 120 },
  { id: 4, account: 'ann', time: 130 },
  { id: 5, account: 'bob', time: 250 },
];

/** A window, a fan-in, a reference table and an aggregate, into two sinks of different classes. */
function build(world: World) {
  const pipeline = new Pipeline('orders', { deterministic: true });
  const names = pipeline.table(
    'names',
    arraySource([
      { account: 'ann', name: 'Ann' },
      { account: 'bob', name: 'Bob' },
    ]),
    (row) => row.account,
  );
  const orders = pipeline
    .source('orders', readable(world.source<Order>('orders')), {
      eventTime: { timeOf: (order) => order.time },
    })
    .lookup(
      names,
      ({ account }) => account,
      (order, row) => ({ ...order, name: row?.name }),
    );
  const even = orders.filter(({ id }) => id % 2 === 0);
  const odd = orders.filter(({ id }) => id % 2 === 1);
  even
    .union(odd)
    .keyBy(({ account }) => account)
    .aggregate('totals', {
      initial: { n: 0 },
      add: (value) => Object.assign(value, { n: value.n + 1 }),
      result: (key, { n }) => ({ key, number: n }),
    })
    .to('a', world.sink('a', 'durable'));
  orders
    .keyBy(({ name }) => name ?? '')
    .window('windows', tumblingWindow({ sizeMs: 100 }), {
      initial: { ids: [] as number[] },
      add: (value, { id }) => ({ ids: [...value.ids, id] }),
    })
    .to('b', world.sink('b', 'last-resource'));
  const { store, clock, random, logger } = world;
  const checkpoint = { intervalMs: 150 };
  return pipeline.prepare({ store, clock, random, logger, checkpoint, handleSignals: false });
}

test('a pipeline with a window, a fan-in and a table survives a crash at every point', async () => {
  const report = await crashEverywhere(build, { input, crashes: 2, schedulesMax: 60, seed: 1 });
  expect(report.violations).toEqual([]);
  expect(report.schedules).toBeGreaterThan(40);
}, 120_000);
