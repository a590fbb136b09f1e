// Keys of records.

import { kindOf } from '../../given.js';

/** 1 and "1" are the same key. */
export type Key = string | number;

/** Gives the key of a record. */
export type KeyOf<Rec> = (record: Rec) => Key;

/** @throws TypeError for what cannot be distinguished from other keys. */
export function keyText(key: Key): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' && Number.isFinite(key)) return String(key);
  // Not what it says: it is a part of the record.
  const what = typeof key === 'number' ? String(key) : kindOf(key);
  throw new TypeError(`a key is ${what}, not a text or a finite number`);
}
