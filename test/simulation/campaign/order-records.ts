// What the pipelines under test read and write: orders in, running totals out, worked out by hand.

import type { CheckpointSettings } from '../../../src/coordinator/options/checkpoint-options.js';
import type { Durability } from '../../../src/contracts/sink.js';
import type { Mix } from './mixes.js';

export interface Order {
  /** Its place in the merged order of all sources. */
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

/** Shapes in which another version of the pipeline, or the same one set back, goes on later. */
export type StagedShape =
  'restored' | 'added-source' | 'removed-source' | 'added-sink' | 'removed-sink';

/**
 * What a pipeline has beside its sinks: `plain` one source; `driven` the same through a barrier port
 * whose reports may come late; `two-sources` merged in an order that
 * their offsets tell; `table` a reference table that changes on the way; `flow` the graph of a
 * `Pipeline`. The others are started anew on the way, in order or after a crash: `restored` from a
 * savepoint or an older checkpoint, the rest in a version to which a source or the last sink was
 * added, or from which it was removed.
 */
export type OrdersShape = 'plain' | 'driven' | 'two-sources' | 'table' | 'flow' | StagedShape;

export interface OrdersSetup {
  readonly mix: Mix;
  /** Default `plain`. */
  readonly shape?: OrdersShape;
  /** Whether operator state goes to a sidecar. */
  readonly hasSidecar: boolean;
  /**
   * Whether the process waits at its end until no attempt is open, so that timeouts are recovered
   * from in process; otherwise it stops at once and is started again.
   */
  readonly drains?: boolean;
  readonly settings?: CheckpointSettings;
}

/** Two epochs: the interval comes due once on the way, and the end of the input makes the second. */
export const orders: readonly Order[] = [
  { number: 1, account: 'ann', amount: 5 },
  { number: 3, account: 'bob', amount: 7 },
  { number: 5, account: 'ann', amount: 11 },
];

/** A second source, of the same accounts. */
export const refunds: readonly Order[] = [
  { number: 2, account: 'ann', amount: -2 },
  { number: 4, account: 'bob', amount: -3 },
];

/** A reference table of factors: one is used until the end, the other comes between two orders. */
const rates: readonly Order[] = [
  { number: 0, account: 'ann', amount: 2 },
  { number: 2, account: 'bob', amount: 3 },
];

/** A second source whose accounts are its own: what it is merged with may overtake it. */
const fees: readonly Order[] = [
  { number: 2, account: 'cy', amount: 1 },
  { number: 4, account: 'cy', amount: 2 },
];

/** The input of every shape. */
export const ordersInput = { orders, refunds, rates, fees } as const;

/** Sources whose records carry a place in the merged order. */
export type OrderSource = 'orders' | 'refunds';

/** What every sink holds in the end: worked out by hand, not by the code under test. */
export const orderTotals: readonly AccountTotal[] = [
  { key: 'ann', number: 1, total: 5 },
  { key: 'bob', number: 3, total: 7 },
  { key: 'ann', number: 5, total: 16 },
];

/** The same with refunds. */
export const totalsWithRefunds: readonly AccountTotal[] = [
  { key: 'ann', number: 1, total: 5 },
  { key: 'ann', number: 2, total: 3 },
  { key: 'bob', number: 3, total: 7 },
  { key: 'bob', number: 4, total: 4 },
  { key: 'ann', number: 5, total: 14 },
];

/** The same with the factors. */
export const totalsWithRates: readonly AccountTotal[] = [
  { key: 'ann', number: 1, total: 10 },
  { key: 'bob', number: 3, total: 21 },
  { key: 'ann', number: 5, total: 32 },
];

/** With factors and with fees, which are merged as they come. */
export const totalsOfFlow: readonly AccountTotal[] = [
  { key: 'ann', number: 1, total: 10 },
  { key: 'bob', number: 3, total: 21 },
  { key: 'ann', number: 5, total: 32 },
  { key: 'cy', number: 2, total: 1 },
  { key: 'cy', number: 4, total: 3 },
];

/** Running totals, by a plain loop. */
export function totalsOf(entries: readonly Order[]): readonly AccountTotal[] {
  const totals = new Map<string, number>();
  return entries.map(({ number, account, amount }) => {
    const total = (totals.get(account) ?? 0) + amount;
    totals.set(account, total);
    return { key: account, number, total };
  });
}

export function byNumber(entries: readonly Order[]): readonly Order[] {
  return entries.toSorted((one, other) => one.number - other.number);
}

/** Sinks are called a, b and c. */
export function namedSinks(mix: Mix): readonly (readonly [string, Durability])[] {
  return mix.map((durability, index) => ['abc'.charAt(index), durability] as const);
}
