// Every fault that can be put at a point: the kinds that fit it, each with its numbers.

import type { Point } from './director.js';
import { faultApplies, faultKinds, type Fault, type FaultKind } from './faults.js';

/** Which numbers of a kind are tried: near and far, short and longer than every patience. */
const numbers = {
  none: [undefined],
  'points-later': [1, 3, 10, 40],
  'points-earlier': [8, 30],
  'disk-outcome': [0, 1, 2],
  milliseconds: [2_000, 1_000_000],
} as const;

const allKinds = Object.keys(faultKinds) as readonly FaultKind[];

/** The faults at one point, from plain to strange, so that the first violation found is simple. */
export function faultsAt(point: Point, kinds: readonly FaultKind[] = allKinds): readonly Fault[] {
  const at = { action: point.action, occurrence: point.occurrence };
  const faults: Fault[] = [];
  for (const kind of kinds) {
    if (!faultApplies(kind, point.effect) || isPointless(kind, point)) continue;
    for (const number of numbers[faultKinds[kind].number]) {
      faults.push(number === undefined ? { kind, at } : { kind, at, number });
    }
  }
  return faults;
}

/** A disk that is silent for long, or a store that is copied between sink calls, tells nothing. */
function isPointless(kind: FaultKind, point: Point): boolean {
  const isDisk = point.action.startsWith('disk: ');
  if (kind === 'outage') return isDisk;
  if (kind === 'lose-prepared') return !/^sink .+: commit$/.test(point.action);
  return false;
}
