// The pipelines that are crashed to test tidegate itself: totals of orders, into any mix of sinks.

import { flowingOrders } from './order-flow.js';
import { openOrders } from './order-loops.js';
import { namedSinks, orders, refunds, type OrdersSetup } from './order-records.js';
import { stagedOrders } from './order-stages.js';
import type { Build, World } from '../simulation/world.js';

export {
  orders,
  ordersInput,
  orderTotals,
  type OrdersSetup,
  type OrdersShape,
} from './order-records.js';

/** A loop that somebody else wrote, or, where a range must be replayed, a dataflow of tidegate's. */
export function ordersPipeline(setup: OrdersSetup): Build {
  const { shape = 'plain' } = setup;
  if (shape === 'flow') return (world) => flowingOrders(world, setup);
  if (shape !== 'plain' && shape !== 'two-sources' && shape !== 'table') {
    return (world) => stagedOrders(world, { ...setup, shape });
  }
  return (world) => wholeOrders(world, setup);
}

function wholeOrders(world: World, setup: OrdersSetup): ReturnType<typeof stagedOrders> {
  const hasRefunds = setup.shape === 'two-sources';
  const job = openOrders(world, {
    ...setup,
    sources: { orders: orders.length, ...(hasRefunds ? { refunds: refunds.length } : {}) },
    sinks: namedSinks(setup.mix),
    hasTable: setup.shape === 'table',
  });
  const run = async (): Promise<void> => {
    await job.coordinator.start();
    await job.work();
    await job.stop();
  };
  return { coordinator: job.coordinator, run };
}
