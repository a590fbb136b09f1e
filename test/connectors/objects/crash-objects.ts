// Loops into object storage to be crashed: each request to the service is a point.

import { objectSink } from '../../../src/connectors/s3/index.js';
import { ObjectStorageFailure, type ObjectStorage } from '../../../src/contracts/object-storage.js';
import type { Sink } from '../../../src/contracts/sink.js';
import type { CallOptions } from '../../../src/contracts/source.js';
import { orAborted } from '../../../src/runtime/abort.js';
import { SimulatedObjectStorage } from '../../../src/testing/object-storage/simulated-object-storage.js';
import type { Build, World } from '../../../src/testing/simulation/world.js';
import { loop } from '../kafka/crash-kafka.js';
import { readCommitted } from './object-world.js';

export const input = [1, 2, 3, 4, 5, 6];

export type Shape = 'objects' | 'uploads' | 'two sinks' | 'follows';

export const builds: Readonly<Record<Shape, Build>> = {
  objects: (world) => loop(world, { out: objectOut(world, 1_000) }),

  /** Each record takes several parts, and each epoch several objects. */
  uploads: (world) => loop(world, { out: objectOut(world, 4) }),

  /** A commit that arrives late must not split them. */
  'two sinks': (world) =>
    loop(world, { out: objectOut(world, 4), also: world.sink('also', 'durable') }),

  /** The other one commits first, and the objects have to follow it. */
  follows: (world) =>
    loop(world, { out: objectOut(world, 1_000), also: world.sink('also', 'last-resource') }),
};

/** The service of a run: it outlives the processes. */
function serviceOf({ notes }: World): SimulatedObjectStorage {
  const known = notes.get('objects');
  if (known instanceof SimulatedObjectStorage) return known;
  const service = new SimulatedObjectStorage({ minPartBytes: 1 });
  notes.set('objects', service);
  return service;
}

function objectOut(world: World, maxPartBytes: number): Sink {
  const { clock, random, logger } = world;
  const service = serviceOf(world);
  const sink = objectSink<number>({
    ...{ clock, random, logger, maxPartBytes },
    storage: linked(service.connect().storage, world),
    prefix: 'out',
    maxObjectBytes: 20,
    encode: (number) => `{"number":${number}}\n`,
    timeouts: { requestMs: 2_000, retryMs: 4_000 },
  });
  return world.wrap('out', sink, {
    points: 'system',
    visible: async () => {
      const records = await readCommitted(service.connect().storage);
      return records.map(({ number }) => number);
    },
  });
}

const writes: ReadonlySet<string> = new Set([
  ...['put', 'delete', 'createUpload', 'uploadPart', 'completeUpload', 'abortUpload'],
]);

/** The storage as a process of the simulation reaches it: a lost answer says nothing of the outcome. */
function linked(storage: ObjectStorage, world: World): ObjectStorage {
  const port = world.port('objects');
  const calls = Object.entries(storage).filter(([, call]) => typeof call === 'function');
  const through = calls.map(([name, call]) => {
    const direct = call as (...given: unknown[]) => Promise<unknown>;
    const request = async (...given: unknown[]): Promise<unknown> => {
      const options = given.at(-1) as CallOptions;
      const perform = (): Promise<unknown> =>
        direct(...given.slice(0, -1), { ...options, signal: new AbortController().signal });
      try {
        const kind = writes.has(name) ? 'durable' : 'answer';
        return await orAborted(port[kind](name, options, perform), options.signal);
      } catch (error) {
        if (error instanceof ObjectStorageFailure || options.signal.aborted) throw error;
        throw new ObjectStorageFailure('unknown', `${name}: no answer`, { cause: error });
      }
    };
    return [name, request];
  });
  return { ...storage, ...(Object.fromEntries(through) as Partial<ObjectStorage>) };
}
