// State by key, in virtual nodes: captured at once, without copying, whatever its size.

import type { OperatorSnapshot } from '../../contracts/operator.js';
import { assert } from '../../assert.js';
import type { Clock } from '../../runtime/clock.js';
import { ByteLines } from './byte-lines.js';
import { encodeCapture, type Capture, type EncodableState } from './encode-state.js';
import { vnodeOf } from './vnode.js';

/** The state of one key. Look it up, `touch` it, then change its value. */
export interface Entry<Value> {
  readonly key: string;
  readonly vnode: number;
  value: Value;
  /** Number of the newest capture that has this entry as it was. */
  stamp: number;
  previous: Entry<Value> | undefined;
  next: Entry<Value> | undefined;
}

/** Makes one entry a line of text. */
export type EntryEncoder<Value> = (key: string, value: Value) => string;

export class KeyedState<Value> implements EncodableState {
  readonly operator: string;
  readonly vnodeCount: number;
  readonly #entries = new Map<string, Entry<Value>>();
  /** First entry of each vnode. */
  readonly #heads: (Entry<Value> | undefined)[];
  readonly #encode: EntryEncoder<Value>;
  readonly #captures = new Set<Capture>();
  /** Where encoders are, so that a deletion does not pull the entry from under them. */
  readonly #cursors = new Map<Capture, Entry<Value> | undefined>();
  /** Number of the newest capture: an entry with a lower stamp must be touched before a change. */
  stamp = 0;

  constructor(operator: string, vnodeCount: number, encode: EntryEncoder<Value>) {
    this.operator = operator;
    this.vnodeCount = vnodeCount;
    this.#heads = Array.from({ length: vnodeCount }, () => undefined);
    this.#encode = encode;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Entry<Value> | undefined {
    return this.#entries.get(key);
  }

  /** All entries, in no particular order. Not to be changed meanwhile. */
  entries(): Iterable<Entry<Value>> {
    return this.#entries.values();
  }

  add(key: string, value: Value): Entry<Value> {
    assert(!this.#entries.has(key), `operator ${this.operator} adds a key twice`);
    const vnode = vnodeOf(key, this.vnodeCount);
    const next = this.#heads[vnode];
    const { stamp } = this;
    const entry: Entry<Value> = { key, vnode, value, stamp, previous: undefined, next };
    if (next !== undefined) next.previous = entry;
    this.#heads[vnode] = entry;
    this.#entries.set(key, entry);
    return entry;
  }

  /** To be called before an entry is changed, in place or not. */
  touch(entry: Entry<Value>): void {
    if (entry.stamp === this.stamp) return;
    if (this.#captures.size > 0) this.#encodeFor(entry);
    entry.stamp = this.stamp;
  }

  delete(entry: Entry<Value>): void {
    this.touch(entry);
    for (const [capture, cursor] of this.#cursors) {
      if (cursor === entry) this.#cursors.set(capture, entry.next);
    }
    const { previous, next } = entry;
    if (previous === undefined) this.#heads[entry.vnode] = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    this.#entries.delete(entry.key);
  }

  clear(): void {
    this.#entries.clear();
    this.#heads.fill(undefined);
    this.#captures.clear();
    this.#cursors.clear();
  }

  /**
   * Freezes the state as it is: takes the same time for one key and for a million.
   *
   * @param header Facts of the operator as a whole, written first.
   */
  capture(header: Readonly<Record<string, unknown>>, clock: Clock): OperatorSnapshot {
    this.stamp += 1;
    const capture: Capture = { number: this.stamp, lines: new Map(), failure: undefined };
    this.#captures.add(capture);
    const entryCount = this.size;
    return {
      encode: () => encodeCapture(this, capture, { header, entryCount, clock }),
      release: () => this.#release(capture),
    };
  }

  /** Encodes entries of a vnode that the capture has not had; false when there are no more. */
  encodeSome(capture: Capture, vnode: number, maxEntries: number): boolean {
    let entry = this.#cursors.has(capture) ? this.#cursors.get(capture) : this.#heads[vnode];
    for (let count = 0; entry !== undefined && count < maxEntries; count++) {
      // One that was changed or made since is in `lines` already, or is no part of this capture.
      if (entry.stamp < capture.number) this.#encodeFor(entry);
      entry = entry.next;
    }
    if (entry === undefined) this.#cursors.delete(capture);
    else this.#cursors.set(capture, entry);
    return entry !== undefined;
  }

  isActive(capture: Capture): boolean {
    return this.#captures.has(capture);
  }

  /** Gives the entry, as it is, to every capture that has not had it. */
  #encodeFor(entry: Entry<Value>): void {
    let line: string | undefined;
    for (const capture of this.#captures) {
      if (entry.stamp >= capture.number) continue;
      try {
        line ??= this.#encode(entry.key, entry.value);
      } catch (error) {
        // The fault of the capture, not of the record that is about to change the entry.
        capture.failure ??= { error };
        continue;
      }
      let lines = capture.lines.get(entry.vnode);
      if (lines === undefined) capture.lines.set(entry.vnode, (lines = new ByteLines()));
      lines.add(line);
    }
    entry.stamp = this.stamp;
  }

  #release(capture: Capture): void {
    this.#captures.delete(capture);
    this.#cursors.delete(capture);
    capture.lines.clear();
  }
}
