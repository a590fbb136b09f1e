// The slices of one key in order, and the merged value of any stretch of them in few merges.

import { firstIndexNotBefore } from '../state/sorted.js';

export type Merge = (earlier: unknown, later: unknown) => unknown;

/** A slice with at least one record. */
export interface Slice {
  readonly number: number;
  value: unknown;
}

/**
 * Merged values are kept by dyadic blocks: level 1 holds the blocks of two slices, level 2 those of
 * four, and so on. Windows share them, so that one costs merges with the logarithm of its slices, also
 * where records come out of order. They are made of the slices and are not saved.
 */
export class Slices {
  readonly #merge: Merge;
  #slices: Slice[];
  /** Slices in front of it were dropped. */
  #head = 0;
  /** By level: merged values by the number of the block. */
  readonly #levels = new Map<number, Map<number, unknown>>();
  /** No block that reaches beyond this slice was merged. */
  #mergedBefore = Number.NEGATIVE_INFINITY;

  constructor(merge: Merge, slices: readonly Slice[] = []) {
    this.#merge = merge;
    this.#slices = [...slices];
  }

  get first(): Slice | undefined {
    return this.#slices[this.#head];
  }

  all(): readonly Slice[] {
    return this.#slices.slice(this.#head);
  }

  /** For a change of its value, in place or with `set`: what was merged with it is forgotten. */
  open(number: number): Slice | undefined {
    this.#forgetMerged(number);
    // Most records are in the newest slice.
    const last = this.#slices.at(-1);
    if (last !== undefined && this.#head < this.#slices.length) {
      if (last.number === number) return last;
      if (last.number < number) return undefined;
    }
    const found = this.#slices[this.#indexOf(number)];
    return found?.number === number ? found : undefined;
  }

  /** A slice that is not there yet. */
  add(number: number, value: unknown): void {
    this.#slices.splice(this.#indexOf(number), 0, { number, value });
  }

  /** Forgets the slices in front of this one. */
  dropBefore(number: number): void {
    for (;;) {
      const slice = this.first;
      if (slice === undefined || slice.number >= number) break;
      this.#forgetBlocksOf(slice.number);
      this.#head += 1;
    }
    if (this.#head * 2 < this.#slices.length) return;
    this.#slices = this.#slices.slice(this.#head);
    this.#head = 0;
  }

  /** The value of the slices from `start` to in front of `end`: a copy, which shares nothing with them. */
  merged(start: number, end: number): unknown {
    this.#mergedBefore = Math.max(this.#mergedBefore, end);
    let total: { readonly value: unknown } | undefined;
    let index = this.#indexOf(start);
    for (;;) {
      const slice = this.#slices[index];
      if (slice === undefined || slice.number >= end) break;
      let level = 0;
      while (isInside(slice.number, level + 1, start, end)) level += 1;
      const block = Math.floor(slice.number / 2 ** level);
      const next = this.#blockValue(level, block);
      total = { value: total === undefined ? copyOf(next) : this.#merge2(total.value, next) };
      index = this.#indexOf((block + 1) * 2 ** level, index);
    }
    // One slice was copied; a merged value may hold parts of the later one.
    return copyOf(total?.value);
  }

  #blockValue(level: number, block: number): unknown {
    const start = block * 2 ** level;
    const first = this.#indexOf(start);
    const end = this.#indexOf(start + 2 ** level, first);
    if (end === first + 1) return this.#slices[first]?.value;
    const middle = this.#indexOf(start + 2 ** (level - 1), first);
    if (middle === end) return this.#blockValue(level - 1, 2 * block);
    if (middle === first) return this.#blockValue(level - 1, 2 * block + 1);
    const known = this.#blocksOf(level);
    if (known.has(block)) return known.get(block);
    const earlier = copyOf(this.#blockValue(level - 1, 2 * block));
    const value = this.#merge2(earlier, this.#blockValue(level - 1, 2 * block + 1));
    known.set(block, value);
    return value;
  }

  #blocksOf(level: number): Map<number, unknown> {
    let blocks = this.#levels.get(level);
    if (blocks === undefined) this.#levels.set(level, (blocks = new Map<number, unknown>()));
    return blocks;
  }

  /** `merge` may change its first argument, which is a copy; what it answers is not the second one. */
  #merge2(earlier: unknown, later: unknown): unknown {
    const value = this.#merge(earlier, later);
    return value === later ? copyOf(value) : value;
  }

  /** A record has come to a slice of which merged values are made. */
  #forgetMerged(number: number): void {
    if (number < this.#mergedBefore) this.#forgetBlocksOf(number);
  }

  #forgetBlocksOf(slice: number): void {
    for (const [level, blocks] of this.#levels) blocks.delete(Math.floor(slice / 2 ** level));
  }

  #indexOf(number: number, start = this.#head): number {
    return firstIndexNotBefore(this.#slices, (slice) => slice.number < number, start);
  }
}

function isInside(slice: number, level: number, start: number, end: number): boolean {
  const width = 2 ** level;
  const blockStart = Math.floor(slice / width) * width;
  return blockStart >= start && blockStart + width <= end;
}

function copyOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? structuredClone(value) : value;
}
