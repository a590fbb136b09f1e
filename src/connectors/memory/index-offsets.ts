// Positions that are the number of records before them.

import type { Offsets } from '../../contracts/source.js';

export function offsetsAt(index: number): Offsets {
  return { next: String(index) };
}

/** @throws RangeError for offsets that no such source has given. */
export function indexIn(offsets: Offsets): number {
  const text = offsets.next ?? '';
  const index = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(index)) return index;
  throw new RangeError(`the offsets ${JSON.stringify(offsets)} do not name a record by its number`);
}
