// Offsets of sources in the three shapes they come in: a record, a map, a whole position.

import { TidegateError } from '../errors.js';
import type { Offsets, SourcePosition } from '../contracts/source.js';

/** Without a prototype: any name is safe in it. */
export function toOffsets(offsets: ReadonlyMap<string, string>): Offsets {
  const record = Object.create(null) as Record<string, string>;
  for (const [name, value] of offsets) record[name] = value;
  return record;
}

export function sameOffsets(reached: ReadonlyMap<string, string>, offsets: Offsets): boolean {
  const names = Object.keys(offsets);
  return (
    names.length === reached.size && names.every((name) => reached.get(name) === offsets[name])
  );
}

/** Offsets are texts, so an object under `offsets` can only be a whole position. */
export function toPosition(given: SourcePosition | Offsets): SourcePosition {
  const { offsets } = given as { readonly offsets?: unknown };
  return typeof offsets === 'object' ? (given as SourcePosition) : { offsets: given as Offsets };
}

/** Offsets that were checked to be text and copied out of the participant's hands. */
export function copyOffsets(source: string, offsets: Offsets): ReadonlyMap<string, string> {
  return copyTexts(`an offset of source ${source}`, offsets);
}

export function copyTexts(
  what: string,
  record: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, string> {
  const copy = new Map<string, string>();
  for (const [name, value] of Object.entries(record)) {
    if (typeof value !== 'string') {
      throw new TidegateError(
        'TIDEGATE_PARTICIPANT',
        `${what}, ${name}, is no text: ${String(value)}`,
      );
    }
    copy.set(name, value);
  }
  return copy;
}
