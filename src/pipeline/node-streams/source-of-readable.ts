// A source made of a Readable that can be opened again behind any record.

import { addAbortSignal, type Readable } from 'node:stream';
import { callback, completeOptions, contract, required, type OptionTable } from '../../options.js';
import type { CallOptions, Offsets, ReadableSource } from '../../contracts/source.js';

/** Options of `sourceOfReadable`. */
export interface SourceOfReadableOptions<Rec> {
  /**
   * A stream, in object mode, of the records behind `offsets`: the same in the same order each time.
   * It is destroyed when it is no longer needed.
   */
  readonly open: (offsets: Offsets, options: CallOptions) => Readable;
  /** Before the first record. */
  readonly start: Offsets;
  /** Where the source is behind this record. */
  readonly offsetsAfter: (record: Rec) => Offsets;
}

const table: OptionTable<SourceOfReadableOptions<never>> = {
  open: required(callback()),
  start: required(contract([])),
  offsetsAfter: required(callback()),
};

/** For a stream whose records tell where they are; with a count in place of offsets see `iterableSource`. */
export function sourceOfReadable<Rec>(options: SourceOfReadableOptions<Rec>): ReadableSource<Rec> {
  completeOptions('sourceOfReadable', options, table);
  let position = options.start;
  const open = (offsets: Offsets, call: CallOptions): AsyncIterable<Rec> =>
    addAbortSignal(call.signal, options.open(offsets, call));
  return {
    position: () => position,
    restore: (offsets) => {
      position = offsets;
    },
    async *read(call) {
      for await (const record of open(position, call)) {
        const offsets = options.offsetsAfter(record);
        yield { records: [record], offsets };
      }
    },
  };
}
