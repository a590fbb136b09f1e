// Every mix of one to three sinks that a pipeline may have.

import type { Durability } from '../../../src/contracts/sink.js';

const durabilities: readonly Durability[] = [
  'durable',
  'last-resource',
  'idempotent',
  'at-least-once',
];

export type Mix = readonly Durability[];

/** Mixes without regard to order; two last-resource sinks are refused when a pipeline is built. */
export function allMixes(maxSinkCount = 3): readonly Mix[] {
  const mixes: Mix[] = [];
  const extend = (mix: Mix, from: number): void => {
    if (mix.length > 0) mixes.push(mix);
    if (mix.length === maxSinkCount) return;
    for (let index = from; index < durabilities.length; index += 1) {
      const durability = durabilities[index];
      if (durability === undefined) continue;
      if (durability === 'last-resource' && mix.includes(durability)) continue;
      extend([...mix, durability], index);
    }
  };
  extend([], 0);
  return mixes.toSorted((one, other) => one.length - other.length);
}
