// Reads several sources in the order of their records' numbers: where it is, offsets alone tell.

import { assert } from '../../../src/assert.js';
import type { SimulatedSource } from '../../../src/testing/simulation/simulated-source.js';

interface Numbered {
  readonly number: number;
}

/** A record in hand, and where it came from. */
export interface Merged<Rec> {
  readonly source: string;
  readonly record: Rec;
}

/**
 * One record of each source is in hand, and has not been read as far as its source's position says
 * until the next one is asked for. So after a rewind the same records come in the same order.
 */
export class RecordMerge<Rec extends Numbered> {
  readonly #sources: ReadonlyMap<string, SimulatedSource<Rec>>;
  #readers = new Map<string, AsyncIterator<Rec>>();
  #heads = new Map<string, IteratorResult<Rec, unknown>>();

  constructor(sources: ReadonlyMap<string, SimulatedSource<Rec>>) {
    this.#sources = sources;
  }

  /** The next record; undefined at the end of everything that has arrived. */
  async peek(): Promise<Merged<Rec> | undefined> {
    let lowest: Merged<Rec> | undefined;
    for (const [name, source] of this.#sources) {
      const head = await this.#head(name, source);
      if (head.done === true) continue;
      const isLower = lowest === undefined || head.value.number < lowest.record.number;
      if (isLower) lowest = { source: name, record: head.value };
    }
    return lowest;
  }

  /** The record was used. */
  take({ source }: Merged<Rec>): void {
    assert(this.#heads.delete(source), `no record of source ${source} is in hand`);
  }

  /** The sources were put back: what is in hand is dropped. */
  reset(): void {
    this.#readers = new Map();
    this.#heads = new Map();
  }

  async #head(name: string, source: SimulatedSource<Rec>): Promise<IteratorResult<Rec, unknown>> {
    const known = this.#heads.get(name);
    if (known !== undefined) return known;
    const reader = this.#readers.get(name) ?? source[Symbol.asyncIterator]();
    this.#readers.set(name, reader);
    const head = await reader.next();
    this.#heads.set(name, head);
    return head;
  }
}
