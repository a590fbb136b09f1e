// The position that a source gave, held against what a manifest can keep: plain objects of texts.

import { TidegateError } from '../errors.js';
import { kindOf } from '../given.js';
import type { Offsets, SourcePosition } from './source.js';

/**
 * A whole position for either of the two forms that a source may give.
 *
 * @param who Whose it is, such as `source orders`.
 * @throws TidegateError `TIDEGATE_SOURCE_POSITION` for a `Map`, an array, an instance of a class, and for
 * values that are no text: they would be saved as something else, and come back as that after a crash.
 */
export function checkedPosition(who: string, given: unknown): SourcePosition {
  if (!isPlain(given)) throw wrong(who, `is ${shapeOf(given)}, not a plain object of texts`);
  const { offsets } = given;
  // Offsets are texts, so an object under that name can only be a whole position.
  if (typeof offsets !== 'object') {
    requireOffsets(who, given);
    return { offsets: given as Offsets };
  }
  const { metadata, watermark } = given;
  const strange = Object.keys(given).filter((name) => !members.includes(name));
  if (strange.length > 0) {
    throw wrong(who, `has ${strange.join(', ')} beside its offsets: put them into the offsets`);
  }
  if (!isPlain(offsets)) {
    throw wrong(who, `has offsets that are ${shapeOf(offsets)}, not a plain object of texts`);
  }
  requireTexts(who, 'an offset', offsets);
  if (metadata !== undefined) {
    if (!isPlain(metadata)) {
      throw wrong(who, `has metadata that is ${shapeOf(metadata)}, not a plain object of texts`);
    }
    requireTexts(who, 'a member of its metadata', metadata);
  }
  if (watermark !== undefined && typeof watermark !== 'bigint') {
    throw wrong(who, `has a watermark that is ${shapeOf(watermark)}, not a bigint`);
  }
  return given as unknown as SourcePosition;
}

const members: readonly string[] = ['offsets', 'metadata', 'watermark'];

/**
 * The offsets behind a batch.
 *
 * @throws TidegateError `TIDEGATE_SOURCE_POSITION`, as for a position.
 */
export function requireOffsets(who: string, offsets: unknown): void {
  if (!isPlain(offsets)) throw wrong(who, `is ${shapeOf(offsets)}, not a plain object of texts`);
  requireTexts(who, 'an offset', offsets);
}

/**
 * What a source without types hands out: a `Set` of records has no length, and would be read without end.
 *
 * @throws TidegateError `TIDEGATE_SOURCE_POSITION`, `TIDEGATE_SOURCE_FAILED`.
 */
export function requireBatch(source: string, batch: unknown): void {
  const { records, offsets } = Object(batch) as Partial<Record<'records' | 'offsets', unknown>>;
  requireOffsets(`source ${source} behind a batch`, offsets);
  if (Array.isArray(records)) return;
  const what = `a batch of source ${source} has records that are ${kindOf(records)}, not an array`;
  throw new TidegateError('TIDEGATE_SOURCE_FAILED', what, { details: { source } });
}

/** Whether the object is one that braces make, in any realm: not one with a class behind it. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function requireTexts(who: string, what: string, record: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(record)) {
    const value = record[name];
    if (typeof value === 'string') continue;
    const way =
      typeof value === 'number' || typeof value === 'bigint' ? ': give String(value)' : '';
    throw wrong(who, `has ${what}, ${name}, that is ${shapeOf(value)}, not a text${way}`);
  }
}

/** What a value is, without what it says. */
function shapeOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return kindOf(value);
  const { constructor } = value;
  return typeof constructor === 'function' && constructor.name !== 'Object'
    ? `a ${constructor.name}`
    : 'an object';
}

function wrong(who: string, what: string): TidegateError {
  return new TidegateError('TIDEGATE_SOURCE_POSITION', `the position of ${who} ${what}`);
}

/** As participants get them; without a prototype, so that any name is safe in it. */
export function toOffsets(offsets: ReadonlyMap<string, string>): Offsets {
  const record = Object.create(null) as Record<string, string>;
  for (const [name, value] of offsets) record[name] = value;
  return record;
}

/** Whether a source stands where a checkpoint has it. */
export function sameOffsets(reached: Offsets, saved: Offsets): boolean {
  const names = Object.keys(saved);
  return (
    names.length === Object.keys(reached).length &&
    names.every((name) => reached[name] === saved[name])
  );
}
