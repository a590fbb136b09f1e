// What takes part in the orders pipeline: sources, the totals and a table of rates, sinks.

import { jsonState } from '../../../src/coordinator/json-state.js';
import type { Operator } from '../../../src/contracts/operator.js';
import type { Durability, Sink } from '../../../src/contracts/sink.js';
import type { AccountTotal, Order, OrderSource } from './order-records.js';
import type { SimulatedSource } from '../../../src/testing/simulation/simulated-source.js';
import type { SimulatedTableStore } from '../../../src/testing/simulation/simulated-table-store.js';
import type { World } from '../../../src/testing/simulation/world.js';

export interface OrderParts {
  /** Everything that is read, the table too. */
  readonly inputs: ReadonlyMap<string, SimulatedSource<Order>>;
  readonly sources: Readonly<Record<string, SimulatedSource<Order>>>;
  readonly tables: Readonly<Record<string, SimulatedSource<Order>>>;
  readonly tableStore: SimulatedTableStore | undefined;
  readonly operator: Operator;
  readonly sinks: Readonly<Record<string, Sink>>;
  /** What a record comes to: a total, or, for a rate, a row of the table. */
  process(source: string, order: Order): AccountTotal | undefined;
  /** How many records of a source are behind its position. */
  position(source: OrderSource): number;
  /** Number of the newest order in the totals. */
  newest(): number;
}

export interface OrderPartsOptions {
  readonly sources: Readonly<Partial<Record<OrderSource, number>>>;
  readonly sinks: readonly (readonly [string, Durability])[];
  readonly hasTable?: boolean;
}

export function orderParts(world: World, options: OrderPartsOptions): OrderParts {
  const sources: Record<string, SimulatedSource<Order>> = {};
  for (const [name, end] of Object.entries(options.sources)) {
    sources[name] = world.source<Order>(name, { end });
  }
  const tables: Record<string, SimulatedSource<Order>> = {};
  if (options.hasTable === true) tables.rates = world.source<Order>('rates');
  const tableStore = options.hasTable === true ? world.tableStore('rates') : undefined;
  const sinks: Record<string, Sink> = {};
  for (const [name, durability] of options.sinks) sinks[name] = world.sink(name, durability);
  const totals = new Totals();
  return {
    inputs: new Map(Object.entries({ ...tables, ...sources })),
    sources,
    tables,
    tableStore,
    operator: totals.operator,
    sinks,
    process: (source, order) => {
      if (source !== 'rates') return totals.add(order, Number(tableStore?.get(order.account) ?? 1));
      tableStore?.put(order.account, order.amount);
      return undefined;
    },
    position: (source) => Number(sources[source]?.position().next ?? 0),
    newest: () => totals.newest,
  };
}

interface TotalsState {
  readonly byAccount: Record<string, number>;
  newest: number;
}

/** Running totals by account: an operator whose output shows whether its state was put back. */
class Totals {
  #state: TotalsState = { byAccount: {}, newest: 0 };
  readonly operator = jsonState(
    () => this.#state,
    (saved) => {
      this.#state = saved;
    },
    { deterministic: true },
  );

  get newest(): number {
    return this.#state.newest;
  }

  add({ number, account, amount }: Order, factor: number): AccountTotal {
    const { byAccount } = this.#state;
    const total = (byAccount[account] ?? 0) + amount * factor;
    byAccount[account] = total;
    this.#state.newest = number;
    return { key: account, number, total };
  }
}
