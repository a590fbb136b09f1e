// A simulated source as a `Pipeline` reads it: one record a batch, with the position behind it.

import type { ReadableSource } from '../../contracts/source.js';
import type { SimulatedSource } from './simulated-source.js';

/** For `pipeline.source(name, readableSource(world.source(name)))`. */
export function readableSource<Rec>(source: SimulatedSource<Rec>): ReadableSource<Rec> {
  return {
    position: () => source.position(),
    restore: (offsets, options) => source.restore(offsets, options),
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
