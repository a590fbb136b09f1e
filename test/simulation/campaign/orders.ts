// The pipelines that are crashed to test tidegate itself: totals of orders, into any mix of sinks.

import { flowingOrders } from './order-flow.js';
import { openOrders } from './order-loops.js';
import {
  namedSinks,
  orders,
  refunds,
  type OrdersSetup,
  type OrdersShape,
  type StagedShape,
} from './order-records.js';
import { stagedOrders } from './order-stages.js';
import type { Build, World } from '../../../src/testing/simulation/world.js';

export {
  orders,
  ordersInput,
  orderTotals,
  type OrdersSetup,
  type OrdersShape,
} from './order-records.js';

/** A loop with safe points, or records that a barrier port or a `Pipeline` drives. */
export function ordersPipeline(setup: OrdersSetup): Build {
  const { shape = 'plain' } = setup;
  if (shape === 'flow') return (world) => flowingOrders(world, setup);
  if (isWhole(shape)) return (world) => wholeOrders(world, setup);
  return (world) => stagedOrders(world, { ...setup, shape });
}

function wholeOrders(world: World, setup: OrdersSetup): ReturnType<typeof stagedOrders> {
  const hasRefunds = setup.shape === 'two-sources';
  const job = openOrders(world, {
    ...setup,
    sources: { orders: orders.length, ...(hasRefunds ? { refunds: refunds.length } : {}) },
    sinks: namedSinks(setup.mix),
    hasTable: setup.shape === 'table',
    isDriven: setup.shape === 'driven',
  });
  const run = async (): Promise<void> => {
    await job.coordinator.start();
    await job.work();
    await job.stop();
  };
  return { coordinator: job.coordinator, run };
}

function isWhole(shape: OrdersShape): shape is Exclude<OrdersShape, StagedShape> {
  return ['plain', 'driven', 'two-sources', 'table', 'flow'].includes(shape);
}
