// A store outside of the process that replaces by key, as the sink behind a write-ahead sink.

import type { FlushingSink } from 'tidegate/extend';

export interface Row {
  readonly number: number;
}

/** A store that keeps one row per key and lets only its newest owner write. */
export class KeyedTable {
  readonly rows = new Map<number, Row>();
  failAfterFlush = false;
  #generation = 0;

  /** As it is now, for somebody who goes on from here. */
  clone(): KeyedTable {
    const copy = new KeyedTable();
    for (const [number, row] of this.rows) copy.rows.set(number, row);
    copy.#generation = this.#generation;
    return copy;
  }

  sink(): FlushingSink<Row> {
    return {
      durability: 'idempotent',
      ordersWrites: true,
      open: ({ generation }) => {
        this.#generation = Math.max(this.#generation, generation);
        let waiting: Row[] = [];
        return Promise.resolve({
          write: (records) => void waiting.push(...records),
          flush: () => {
            if (generation !== this.#generation) throw new Error('an older owner');
            for (const row of waiting) this.rows.set(row.number, row);
            waiting = [];
            if (this.failAfterFlush) throw new Error('the answer was lost');
          },
        });
      },
    };
  }
}
