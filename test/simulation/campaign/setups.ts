// The pipelines of the campaign: every mix of sinks, and every shape with some of them.

import { faultKinds, type FaultKind } from '../../../src/testing/simulation/faults.js';
import { allMixes, type Mix } from './mixes.js';
import {
  orderTotals,
  totalsOfFlow,
  totalsWithRates,
  totalsWithRefunds,
  type AccountTotal,
  type OrdersSetup,
  type OrdersShape,
} from './order-records.js';

/** The core: every mix twice, with state in the manifest or a sidecar, under either policy. */
export const coreSetups: readonly OrdersSetup[] = allMixes().flatMap((mix, index) => [
  variantOf({ mix, hasSidecar: index % 2 === 0 }, 'roll-back'),
  variantOf({ mix, hasSidecar: index % 2 === 1 }, 'roll-forward'),
]);

/** The other shapes, in turn with state here or there and under one policy or the other. */
export const wideSetups: readonly OrdersSetup[] = mixesByShape().flatMap(([shape, mixes]) =>
  mixes.map((mix, index) =>
    variantOf(
      { mix, shape, hasSidecar: index % 4 > 1 },
      index % 2 === 0 ? 'roll-back' : 'roll-forward',
    ),
  ),
);

export const setups: readonly OrdersSetup[] = [...coreSetups, ...wideSetups];

export function describeSetup({ mix, shape, hasSidecar, settings }: OrdersSetup): string {
  const state = hasSidecar ? 'sidecar' : 'inline';
  const beside = shape === undefined ? '' : `${shape}: `;
  return `${beside}${mix.join(' + ')} (${state}, ${settings?.inDoubtPolicy ?? 'roll-back'})`;
}

/**
 * Faults that are tried. When a store was lost, replaced or damaged it is for a person to find out
 * what was deployed or restored on it: the notes of the simulated one do not go back with it.
 */
export function faultKindsOf({ shape = 'plain' }: OrdersSetup): readonly FaultKind[] {
  const all = Object.keys(faultKinds) as FaultKind[];
  const keepsNotes = ['plain', 'driven', 'two-sources', 'table', 'flow'].includes(shape);
  if (keepsNotes) return all;
  const pointless = ['store-lost', 'store-restored', 'bit-rot'];
  // A sink that is not registered any more is asked by nobody.
  if (shape === 'removed-sink') pointless.push('sink-set-back');
  return all.filter((kind) => !pointless.includes(kind));
}

/** What a sink holds after a run without faults: worked out by hand. */
export function totalsWithoutFaults({ shape = 'plain', mix }: OrdersSetup, sink: string): Totals {
  const isLast = sink === 'abc'.charAt(mix.length - 1);
  const isOneInput = mix.includes('idempotent');
  const [one, two, three] = orderTotals as Triple;
  switch (shape) {
    case 'plain':
    case 'driven':
      return orderTotals;
    case 'two-sources':
      return totalsWithRefunds;
    case 'table':
      return totalsWithRates;
    case 'flow':
      return isOneInput ? orderTotals : totalsOfFlow;
    case 'restored':
      return [one, two, two, three];
    case 'added-source':
      // The refunds come when it has been added: the first of them after the second order.
      return [
        one,
        two,
        { key: 'ann', number: 2, total: 3 },
        { key: 'bob', number: 4, total: 4 },
        { key: 'ann', number: 5, total: 14 },
      ];
    case 'removed-source':
      return [one, { key: 'ann', number: 2, total: 3 }, two, { key: 'ann', number: 5, total: 14 }];
    case 'added-sink':
      return isLast ? [three] : orderTotals;
    case 'removed-sink':
      return isLast ? [one, two] : orderTotals;
  }
}

type Totals = readonly AccountTotal[];
type Triple = readonly [AccountTotal, AccountTotal, AccountTotal];

function variantOf(setup: OrdersSetup, inDoubtPolicy: 'roll-back' | 'roll-forward'): OrdersSetup {
  // One of the two waits at its end for what is recovered in process.
  const drains = inDoubtPolicy === 'roll-forward' ? { drains: true } : {};
  return { ...setup, ...drains, settings: { inDoubtPolicy } };
}

function mixesByShape(): readonly (readonly [OrdersShape, readonly Mix[]])[] {
  const pairs: readonly Mix[] = [
    ['durable', 'durable'],
    ['durable', 'last-resource'],
    ['last-resource', 'durable'],
    ['at-least-once', 'durable'],
  ];
  const twoPhase: readonly Mix[] = [['durable'], ['last-resource'], ['durable', 'last-resource']];
  const loops: readonly Mix[] = [...twoPhase, ['durable', 'at-least-once']];
  const restored: readonly Mix[] = [
    ['durable', 'durable'],
    ['last-resource', 'durable'],
    ['durable', 'idempotent'],
  ];
  return [
    ['driven', allMixes(2)],
    ['two-sources', allMixes(2)],
    ['table', [...loops, ['at-least-once'], ['durable', 'idempotent']]],
    ['flow', [...loops, ['durable', 'idempotent']]],
    ['restored', [...loops, ...restored]],
    // What a flushing sink got from a version before a crash is not taken back after it.
    ['added-source', [...twoPhase, ['durable', 'durable']]],
    ['removed-source', twoPhase],
    ['added-sink', [...pairs, ['durable', 'idempotent']]],
    ['removed-sink', [...pairs, ['idempotent', 'durable']]],
  ];
}
