// Timers by event time: earliest first, and within one time in the order in which they were set.

/** One time's items; `taken` of them have been handed out. */
interface Bucket<Item> {
  readonly items: Item[];
  taken: number;
}

export interface Due<Item> {
  readonly time: number;
  readonly item: Item;
}

export class Timers<Item> {
  readonly #buckets = new Map<number, Bucket<Item>>();
  /** A binary heap of the times that have a bucket. */
  readonly #heap: number[] = [];

  /** Of the earliest timer; infinite when there is none. Moved here alone; read for each record. */
  earliest = Number.POSITIVE_INFINITY;

  add(time: number, item: Item): void {
    const bucket = this.#buckets.get(time);
    if (bucket !== undefined) {
      bucket.items.push(item);
      return;
    }
    this.#buckets.set(time, { items: [item], taken: 0 });
    this.#push(time);
    if (time < this.earliest) this.earliest = time;
  }

  /** Takes the earliest timer if it is due. */
  takeDue(time: number): Due<Item> | undefined {
    const { earliest } = this;
    if (earliest > time) return undefined;
    const bucket = this.#buckets.get(earliest);
    const item = bucket?.items[bucket.taken];
    if (bucket === undefined || item === undefined) return undefined;
    bucket.taken += 1;
    if (bucket.taken === bucket.items.length) {
      this.#buckets.delete(earliest);
      this.#pop();
      this.earliest = this.#heap[0] ?? Number.POSITIVE_INFINITY;
    }
    return { time: earliest, item };
  }

  clear(): void {
    this.#buckets.clear();
    this.#heap.length = 0;
    this.earliest = Number.POSITIVE_INFINITY;
  }

  #push(time: number): void {
    const heap = this.#heap;
    let index = heap.push(time) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] ?? time;
      if (above <= time) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = time;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if ((heap[child + 1] ?? Number.POSITIVE_INFINITY) < (heap[child] ?? 0)) child += 1;
      const below = heap[child] ?? last;
      if (below >= last) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}
