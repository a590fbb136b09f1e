// A source of records that are in memory already.

import { lostInput } from '../../contracts/lost-input.js';
import type { Offsets, ReadableSource, RestoreOptions } from '../../contracts/source.js';
import { completeOptions, whole } from '../../options.js';
import { indexIn, offsetsAt } from './index-offsets.js';

/** Options of `arraySource`. */
export interface ArraySourceOptions {
  /** Records in one batch. Default 512. */
  readonly batchRecords?: number;
}

/**
 * Reads an array from its beginning to its end; the position is an index. The array must hold the
 * same records after a restart; it may have more at its end.
 */
export function arraySource<Rec>(
  records: readonly Rec[],
  options: ArraySourceOptions = {},
): ReadableSource<Rec> {
  const { batchRecords } = completeOptions('arraySource', options, {
    batchRecords: whole({ min: 1 }, 512),
  });
  let next = 0;
  const restoreTo = (offsets: Offsets, { acceptLoss = false }: RestoreOptions): number => {
    const index = indexIn(offsets);
    if (index <= records.length) return index;
    if (acceptLoss) return records.length;
    throw lostInput(`the array has ${records.length} records and cannot go to ${index}`, {
      goesOnAt: 'the end of the array',
      code: 'TIDEGATE_SOURCE_CHANGED',
    });
  };
  return {
    position: () => offsetsAt(next),
    restore: (offsets, options) => {
      next = restoreTo(offsets, options);
    },
    async *read({ signal }) {
      while (next < records.length && !signal.aborted) {
        const batch = records.slice(next, next + batchRecords);
        next += batch.length;
        yield await Promise.resolve({ records: batch, offsets: offsetsAt(next) });
      }
    },
  };
}
