// Simulated sources as a pipeline reads them.

import type { ReadableSource } from '../../src/contracts/source.js';
import type { SimulatedSource } from '../../src/testing/simulation/simulated-source.js';

/** One record a batch, with the position behind it. */
export function readable<Rec>(source: SimulatedSource<Rec>): ReadableSource<Rec> {
  return {
    position: () => source.position(),
    restore: (offsets, options) => source.restore(offsets, options),
    replay: (from, to) => source.replay(from, to),
    acknowledge: (offsets, options) => source.acknowledge?.(offsets, options),
    async *read({ signal }) {
      let next = Number(source.position().next);
      for await (const record of source) {
        if (signal.aborted) return;
        next += 1;
        yield { records: [record], offsets: { next: String(next) } };
      }
    },
  };
}
