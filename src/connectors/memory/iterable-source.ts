// A source of anything that can be iterated again from a given record on.

import type { Offsets, ReadableSource, SourceBatch } from '../../contracts/source.js';
import { lostInput } from '../../contracts/lost-input.js';
import type { TidegateError } from '../../errors.js';
import { callback, completeOptions, required, text, whole } from '../../options.js';
import { BytesMeter } from '../../runtime/record-bytes.js';
import { indexIn, offsetsAt } from './index-offsets.js';

/** Options of `iterableSource`. */
export interface IterableSourceOptions<Rec> {
  /**
   * Iterates from the record with this number on, the first being 0: the same records in the same
   * order each time. Ends soon after `signal` is aborted.
   */
  readonly open: (
    first: number,
    options: { readonly signal: AbortSignal },
  ) => AsyncIterable<Rec> | Iterable<Rec>;
  /**
   * Records in one batch. An async iterable hands its records on one by one unless this says
   * otherwise, because the next one may be long in coming. Large records make smaller batches, of
   * about 1 MiB. Default: 1 for async, 512 otherwise.
   */
  readonly batchRecords?: number;
  /**
   * What is iterated, such as the ETag of a download or the name of a snapshot: it goes into the
   * offsets, and a start with another one is refused. Default: nothing, and whatever `open` gives is
   * taken for what it gave before.
   */
  readonly identity?: string;
}

/** Estimated bytes of one batch, which is in memory whole. */
const maxBatchBytes = 1_048_576;

/** The position is the number of records before it. */
export function iterableSource<Rec>(options: IterableSourceOptions<Rec>): ReadableSource<Rec> {
  completeOptions('iterableSource', options, {
    open: required(callback()),
    batchRecords: whole({ min: 1 }),
    identity: text(),
  });
  const { identity } = options;
  let next = 0;
  return {
    position: () => offsetsOf(next, identity),
    restore: (offsets, { acceptLoss = false }) => {
      const isSame = isOf(offsets, identity);
      if (!isSame && !acceptLoss) throw otherInput(offsets, identity);
      next = isSame ? indexIn(offsets) : 0;
    },
    async *read({ signal }) {
      const records = options.open(next, { signal });
      const isAsync = Symbol.asyncIterator in records;
      const { batchRecords = isAsync ? 1 : 512 } = options;
      const meter = new BytesMeter();
      let batch: Rec[] = [];
      const take = (): SourceBatch<Rec> => {
        const taken = batch;
        batch = [];
        meter.reset();
        next += taken.length;
        return { records: taken, offsets: offsetsOf(next, identity) };
      };
      for await (const record of records) {
        if (signal.aborted) return;
        batch.push(record);
        const isLarge = meter.add(record) >= maxBatchBytes;
        if (isLarge || batch.length >= batchRecords) yield take();
      }
      if (batch.length > 0 && !signal.aborted) yield take();
    },
  };
}

function offsetsOf(index: number, identity: string | undefined): Offsets {
  return identity === undefined ? offsetsAt(index) : { ...offsetsAt(index), identity };
}

/** Offsets without an identity were saved before there was one. */
function isOf({ identity: saved }: Offsets, identity: string | undefined): boolean {
  return saved === undefined || saved === identity;
}

function otherInput(
  { identity: saved = '' }: Offsets,
  identity: string | undefined,
): TidegateError {
  const now = identity === undefined ? 'none is given' : `this is ${JSON.stringify(identity)}`;
  return lostInput(
    `the position belongs to ${JSON.stringify(saved)}, and ${now}: bring that input back, or start ` +
      'over with a new store and sinks',
    {
      code: 'TIDEGATE_SOURCE_CHANGED',
      goesOnAt: 'the first record of the input that is given now',
    },
  );
}
