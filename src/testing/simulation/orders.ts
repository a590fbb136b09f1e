// The pipeline that is crashed to test tidegate itself: totals of orders, into any mix of sinks.

import { CheckpointCoordinator } from '../../coordinator/coordinator.js';
import { jsonState } from '../../coordinator/json-state.js';
import type { CheckpointOptions } from '../../coordinator/options.js';
import type { Sink } from '../../contracts/sink.js';
import type { Offsets } from '../../contracts/source.js';
import { Dataflow } from './dataflow.js';
import type { Mix } from './mixes.js';
import type { SimulatedSource } from './simulated-source.js';
import type { Build, Crashable, World } from './world.js';

export interface Order {
  readonly number: number;
  readonly account: string;
  readonly amount: number;
}

/** What every sink gets for each order. */
export interface AccountTotal {
  readonly key: string;
  readonly number: number;
  readonly total: number;
}

export interface OrdersSetup {
  readonly mix: Mix;
  /** Whether operator state goes to a sidecar. */
  readonly hasSidecar: boolean;
  /**
   * Whether the process waits at its end until no attempt is open, so that timeouts are recovered
   * from in process; otherwise it stops at once and is started again.
   */
  readonly drains?: boolean;
  readonly settings?: Partial<CheckpointOptions>;
}

/** Two epochs: the interval comes due once on the way, and the end of the input makes the second. */
export const orders: readonly Order[] = [
  { number: 1, account: 'ann', amount: 5 },
  { number: 2, account: 'bob', amount: 7 },
  { number: 3, account: 'ann', amount: 11 },
];

/** What every sink holds in the end: worked out by hand, not by the code under test. */
export const orderTotals: readonly AccountTotal[] = [
  { key: 'ann', number: 1, total: 5 },
  { key: 'bob', number: 2, total: 7 },
  { key: 'ann', number: 3, total: 16 },
];

/** A loop that somebody else wrote, or, where a range must be replayed, a dataflow of tidegate's. */
export function ordersPipeline(setup: OrdersSetup): Build {
  const needsReplay = setup.mix.includes('fenced');
  return (world) => (needsReplay ? drivenOrders(world, setup) : embeddedOrders(world, setup));
}

function embeddedOrders(world: World, setup: OrdersSetup): Crashable {
  const parts = partsOf(world, setup);
  const coordinator = new CheckpointCoordinator(coordinatorOptions(world, setup, parts));
  return {
    coordinator,
    run: async () => {
      await coordinator.start();
      do {
        for await (const order of parts.source) {
          const point = await coordinator.safePoint();
          if (point.kind === 'rewound') continue;
          const output = [parts.totals.add(order)];
          for (const sink of Object.values(point.sinks)) await sink.write(output);
        }
      } while (setup.drains === true && !(await isQuiet(world, coordinator)));
      await coordinator.stop();
      assertAtEnd(parts.source.position());
    },
  };
}

function drivenOrders(world: World, setup: OrdersSetup): Crashable {
  const parts = partsOf(world, setup);
  const dataflow = new Dataflow<Order>({
    source: { name: 'orders', of: parts.source },
    operator: { name: 'totals', of: parts.totals.operator },
    sinks: Object.keys(parts.sinks),
    process: (order) => parts.totals.add(order),
    tell: (deliver) => world.tell('dataflow', 'barrier', deliver),
  });
  const coordinator = new CheckpointCoordinator({
    ...coordinatorOptions(world, setup, parts),
    barriers: dataflow,
  });
  return {
    coordinator,
    run: async () => {
      await coordinator.start();
      await Promise.race([dataflow.whenAtEnd, coordinator.done]);
      while (setup.drains === true && !isOver(coordinator)) {
        if (dataflow.isAtEnd && !isBusy(coordinator)) break;
        await pause(world);
      }
      await coordinator.stop();
      assertAtEnd(dataflow.committed);
    },
  };
}

/** Waits at safe points until no attempt is open; false when the sources were put back. */
async function isQuiet(world: World, coordinator: CheckpointCoordinator): Promise<boolean> {
  while (isBusy(coordinator)) {
    await pause(world);
    const point = await coordinator.safePoint();
    if (point.kind === 'rewound') return false;
  }
  return true;
}

function isBusy(coordinator: CheckpointCoordinator): boolean {
  const { attempt, phase } = coordinator.status();
  return attempt !== undefined || phase === 'recovering' || phase === 'replaying';
}

function isOver(coordinator: CheckpointCoordinator): boolean {
  const { phase } = coordinator.status();
  return phase === 'halted' || phase === 'stopped';
}

function pause(world: World): Promise<void> {
  return new Promise((resolve) => {
    world.clock.setTimer(resolve, 1_000);
  });
}

interface Parts {
  readonly source: SimulatedSource<Order>;
  readonly totals: Totals;
  readonly sinks: Readonly<Record<string, Sink>>;
}

function partsOf(world: World, { mix }: OrdersSetup): Parts {
  const sinks: Record<string, Sink> = {};
  for (const [index, durability] of mix.entries()) {
    const name = 'abc'.charAt(index);
    sinks[name] = world.sink(name, durability);
  }
  return { source: world.source<Order>('orders'), totals: new Totals(), sinks };
}

function coordinatorOptions(
  world: World,
  { hasSidecar, settings }: OrdersSetup,
  { source, totals, sinks }: Parts,
): ConstructorParameters<typeof CheckpointCoordinator>[0] {
  return {
    pipeline: 'orders',
    store: world.store,
    clock: world.clock,
    random: world.random,
    logger: world.logger,
    sources: { orders: source },
    operators: { totals: totals.operator },
    sinks,
    checkpoint: {
      intervalMs: 150,
      ...(hasSidecar ? { stateInlineThresholdBytes: 0 } : {}),
      ...settings,
    },
  };
}

/** A stop in the middle of the input is no end: the supervisor starts the process again. */
function assertAtEnd(position: Offsets): void {
  const next = Number(position.next);
  if (next < orders.length) throw new Error(`stopped before record ${next} of ${orders.length}`);
}

/** Running totals by account: an operator whose output shows whether its state was put back. */
class Totals {
  #totals: Record<string, number> = {};
  readonly operator = jsonState(
    () => this.#totals,
    (saved) => {
      this.#totals = saved;
    },
    { deterministic: true },
  );

  add({ number, account, amount }: Order): AccountTotal {
    const total = (this.#totals[account] ?? 0) + amount;
    this.#totals[account] = total;
    return { key: account, number, total };
  }
}
