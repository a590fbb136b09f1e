// Every durable name of an object sink, below its prefix.
//
//   part-<generation>-<number>-<nonce>.<extension>   output; only what a committed epoch names counts
//   _epochs/<checkpoint id>.json                     one epoch: prepared, then committed or discarded
//   _tidegate/sink.json                              whose prefix this is, and its newest generation
//   _tidegate/probes/<nonce>                         there for a moment, at each opening
//
// A name of output has its generation in it and a nonce of its session, so that it is never used again.
// Sorted by name, output is in the order in which it was written.

import { checkpointId, type CheckpointId, type Generation } from '../../ids.js';
import { numberIn, padded } from '../staging/numbered-names.js';

const partPattern = /^part-(\d{9})-\d{9}-[0-9a-f]{8}\.[A-Za-z0-9._-]{1,32}$/;
const epochPattern = /^_epochs\/(\d{16})\.json$/;

export class ObjectSinkLayout {
  readonly epochs: string;
  readonly parts: string;
  readonly state: string;

  /** @param prefix Empty, or ending in a slash. */
  constructor(readonly prefix: string) {
    this.epochs = `${prefix}_epochs/`;
    this.parts = `${prefix}part-`;
    this.state = `${prefix}_tidegate/sink.json`;
  }

  epoch(id: number): string {
    return `${this.epochs}${padded(id, 16)}.json`;
  }

  probe(nonce: string): string {
    return `${this.prefix}_tidegate/probes/${nonce}`;
  }

  /** Undefined for a key that is not an epoch's. */
  idOfEpoch(key: string): CheckpointId | undefined {
    const id = numberIn(epochPattern, key.slice(this.prefix.length));
    return id === undefined ? undefined : checkpointId(id);
  }

  /** The generation that has written an object or an upload; undefined for a key that is not ours. */
  generationOf(key: string): number | undefined {
    return numberIn(partPattern, key.slice(this.prefix.length));
  }
}

/** A name of output below the prefix. */
export function partName(
  generation: Generation,
  number: number,
  nonce: string,
  extension: string,
): string {
  return `part-${padded(generation, 9)}-${padded(number, 9)}-${nonce}.${extension}`;
}

export function isPartName(name: string): boolean {
  return partPattern.test(name);
}

/** `prefix` as it stands before keys. */
export function asFolder(prefix: string): string {
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}
