// Every fault that can be put at a point: the kinds that fit it, each with its numbers.

import type { Point } from './director.js';
import { faultApplies, faultKinds, type Fault, type FaultKind } from './faults.js';

/** Which numbers of a kind are tried: near and far, short and longer than every patience. */
const numbers = {
  none: [undefined],
  // 40: before the sinks are opened again; 80: behind what recovery asks; 1 000: behind the end.
  'points-later': [1, 3, 10, 40, 80, 1_000],
  'points-earlier': [8, 30],
  'commits-earlier': [1, 2],
  'disk-outcome': [0, 1, 2],
  milliseconds: [2_000, 1_000_000],
} as const;

const allKinds = Object.keys(faultKinds) as readonly FaultKind[];

/** The faults at one point, from plain to strange, so that the first violation found is simple. */
export function faultsAt(point: Point, kinds: readonly FaultKind[] = allKinds): readonly Fault[] {
  const at = { action: point.action, occurrence: point.occurrence };
  return variantsAt(point, kinds).map((variant) => ({ ...variant, at }));
}

/** How many faults `faultsAt` gives, without making them. */
export function faultCountAt(point: Point, kinds: readonly FaultKind[] = allKinds): number {
  return variantsAt(point, kinds).length;
}

type Variant = Pick<Fault, 'kind' | 'number'>;

/** By the kinds that are asked for, then by action and effect: the same few come again and again. */
const known = new WeakMap<readonly FaultKind[], Map<string, readonly Variant[]>>();

function variantsAt(point: Point, kinds: readonly FaultKind[]): readonly Variant[] {
  let ofKinds = known.get(kinds);
  if (ofKinds === undefined) known.set(kinds, (ofKinds = new Map<string, readonly Variant[]>()));
  const key = `${point.effect} ${point.action}`;
  let variants = ofKinds.get(key);
  if (variants === undefined) ofKinds.set(key, (variants = makeVariants(point, kinds)));
  return variants;
}

function makeVariants(point: Point, kinds: readonly FaultKind[]): readonly Variant[] {
  const fitting = kinds.filter(
    (kind) => faultApplies(kind, point.effect) && !isPointless(kind, point),
  );
  return fitting.flatMap((kind) =>
    numbers[faultKinds[kind].number].map((number): Variant =>
      number === undefined ? { kind } : { kind, number },
    ),
  );
}

/** A disk that is silent for long, or a store that is copied between sink calls, tells nothing. */
function isPointless(kind: FaultKind, point: Point): boolean {
  const isDisk = point.action.startsWith('disk: ');
  if (kind === 'outage') return isDisk;
  if (kind === 'lose-prepared') return !/^sink .+: commit$/.test(point.action);
  // Only two-phase sinks can show that they were set back, and only these calls tell them apart.
  if (kind === 'sink-set-back')
    return !/^sink .+: (pre-commit|commit|roll back)$/.test(point.action);
  return false;
}
