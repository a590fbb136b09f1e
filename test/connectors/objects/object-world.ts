// An object sink on a simulated service, and what a reader sees of it.

import {
  committedObjects,
  objectSink,
  type ObjectSinkOptions,
} from '../../../src/connectors/s3/index.js';
import type { ObjectStorage } from '../../../src/contracts/object-storage.js';
import type { TwoPhaseSink } from '../../../src/contracts/sink.js';
import type { SimulatedObjectStorage } from '../../../src/testing/object-storage/simulated-object-storage.js';

export interface Numbered {
  readonly number: number;
  readonly padding?: string;
}

/** The sink as a new process makes it. */
export function sinkOn(
  storage: ObjectStorage,
  options: Partial<ObjectSinkOptions<Numbered>> = {},
): TwoPhaseSink<Numbered> {
  return objectSink<Numbered>({ storage, prefix: 'out', ...options });
}

/** The committed records, in the order of their commits. */
export async function readCommitted(
  storage: ObjectStorage,
  prefix = 'out',
): Promise<readonly Numbered[]> {
  const signal = new AbortController().signal;
  const records: Numbered[] = [];
  for await (const { key } of committedObjects(storage, { prefix })) {
    const object = await storage.get(key, { signal });
    const pieces: Uint8Array[] = [];
    if (object !== undefined) for await (const piece of object.body) pieces.push(piece);
    const lines = Buffer.concat(pieces).toString('utf8').split('\n').slice(0, -1);
    records.push(...lines.map((line) => JSON.parse(line) as Numbered));
  }
  return records;
}

export function visibleIn(service: SimulatedObjectStorage): Promise<readonly Numbered[]> {
  return readCommitted(service.connect().storage);
}
