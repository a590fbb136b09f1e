// Chance behind a port: the only place where randomness is made.

import { randomFillSync } from 'node:crypto';

/** Where chance comes from: jitter, uuids, schedules of the simulation. */
export interface Random {
  /** A number from 0 (included) to 1 (excluded). */
  next(): number;
  /** New random bytes. */
  bytes(length: number): Uint8Array;
}

/** Randomness of the process. */
export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (length) => randomFillSync(new Uint8Array(length)),
};

/**
 * The same numbers for the same seed (mulberry32 by Tommy Ettinger: 32 bits of state, enough to
 * spread schedules, no use for secrets).
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)),
  };
}
