// A set of ids that mostly follow one another: it grows with its gaps, not with its members.

/** Whole numbers, in any order of adding. */
export class IdRanges {
  /** Ascending, apart from one another by more than one. */
  readonly #ranges: { first: number; last: number }[] = [];

  /** A set of these ranges, both ends included. */
  static of(ranges: readonly (readonly [first: number, last: number])[]): IdRanges {
    const set = new IdRanges();
    set.#ranges.push(...ranges.map(([first, last]) => ({ first, last })));
    set.#ranges.sort((one, other) => one.first - other.first);
    return set;
  }

  /** Ascending. */
  get ranges(): readonly (readonly [first: number, last: number])[] {
    return this.#ranges.map(({ first, last }) => [first, last] as const);
  }

  /** Undefined in an empty set. */
  get highest(): number | undefined {
    return this.#ranges.at(-1)?.last;
  }

  /** How many gaps it takes to say what is in it, and one. */
  get rangeCount(): number {
    return this.#ranges.length;
  }

  has(id: number): boolean {
    const range = this.#ranges[this.#indexOf(id)];
    return range !== undefined && range.first <= id;
  }

  add(id: number): void {
    if (this.has(id)) return;
    const index = this.#indexOf(id);
    const [below, above] = [this.#ranges[index - 1], this.#ranges[index]];
    const follows = below?.last === id - 1;
    const precedes = above?.first === id + 1;
    if (follows && precedes) {
      below.last = above.last;
      this.#ranges.splice(index, 1);
    } else if (follows) below.last = id;
    else if (precedes) above.first = id;
    else this.#ranges.splice(index, 0, { first: id, last: id });
  }

  /** Forgets the lowest ranges above a number of them; the highest id forgotten, if any. */
  keepNewest(count: number): number | undefined {
    const dropped = this.#ranges.splice(0, Math.max(0, this.#ranges.length - count));
    return dropped.at(-1)?.last;
  }

  /** The first range that does not end below `id`. */
  #indexOf(id: number): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.last ?? id) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
