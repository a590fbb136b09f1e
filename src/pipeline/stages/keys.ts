// Keys of records.

/** 1 and "1" are the same key. */
export type Key = string | number;

export type KeyOf<Rec> = (record: Rec) => Key;

/** @throws TypeError for what cannot be told apart from other keys. */
export function keyText(key: Key): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' && Number.isFinite(key)) return String(key);
  throw new TypeError(`a key is ${String(key)}, not a text or a finite number`);
}
