// Loops whose checkpoints are on object storage, to be crashed: each request to the service is a point.

import type { CallOptions } from '../../../src/contracts/source.js';
import { ObjectStorageFailure, type ObjectStorage } from '../../../src/contracts/object-storage.js';
import type { Durability } from '../../../src/contracts/sink.js';
import { CheckpointCoordinator } from '../../../src/coordinator/coordinator.js';
import { ObjectCheckpointStore } from '../../../src/store/object/object-store.js';
import { SimulatedObjectStorage } from '../../../src/testing/object-storage/simulated-object-storage.js';
import type { Port } from '../../../src/testing/simulation/port.js';
import type { Build, World } from '../../../src/testing/simulation/world.js';
import { noProcesses } from '../crash/actions.js';

export const input = [1, 2, 3, 4, 5, 6];

/** A loop into one sink of each of these classes. */
export function loopInto(...durabilities: readonly Durability[]): Build {
  return (world) => {
    const { clock, random, logger } = world;
    const numbers = world.source<number>('numbers');
    const sinks = Object.fromEntries(
      durabilities.map((durability) => [durability, world.sink(durability, durability)]),
    );
    const coordinator = new CheckpointCoordinator({
      ...{ clock, random, logger, sinks },
      store: world.wrapStore(storeOf(world)),
      pipeline: 'numbers',
      sources: { numbers },
      checkpoint: { intervalMs: 150 },
    });
    const run = async (): Promise<void> => {
      await coordinator.start();
      for await (const number of numbers) {
        const point = await coordinator.safePoint();
        if (point.kind === 'rewound') continue;
        for (const writer of Object.values(point.sinks)) await writer.write([number]);
      }
      await coordinator.stop();
    };
    return { coordinator, run };
  };
}

function storeOf(world: World): ObjectCheckpointStore {
  const { clock, random, logger } = world;
  return new ObjectCheckpointStore({
    ...{ clock, random, logger },
    storage: directed(serviceOf(world).connect().storage, world.port('s3')),
    processes: noProcesses,
    heartbeatMs: 0,
    minBodyAgeMs: 0,
    timeouts: { requestMs: 1_000, retryMs: 2_000 },
  });
}

/** The service of a run: it outlives the processes. */
function serviceOf({ notes }: World): SimulatedObjectStorage {
  const known = notes.get('s3');
  if (known instanceof SimulatedObjectStorage) return known;
  const service = new SimulatedObjectStorage({ clock: { now: () => 1_700_000_000_000 } });
  notes.set('s3', service);
  return service;
}

/** The same storage, with each request let through by the schedule: or not, or late. */
function directed(inner: ObjectStorage, port: Port): ObjectStorage {
  // A request that arrives late does so although its sender has stopped waiting.
  const calmly = { signal: new AbortController().signal };
  const ask = <Value>(name: string, options: CallOptions, perform: () => Promise<Value>) =>
    failing(port.answer(name, options, perform));
  const change = <Value>(name: string, options: CallOptions, perform: () => Promise<Value>) =>
    failing(port.durable(name, options, perform));
  return {
    address: inner.address,
    head: (key, options) => ask(`head ${folderOf(key)}`, options, () => inner.head(key, calmly)),
    get: (key, options) =>
      ask(`get ${folderOf(key)}`, options, () => inner.get(key, { ...options, ...calmly })),
    list: (query, options) => ask('list', options, () => inner.list(query, calmly)),
    put: (key, body, options) =>
      change(`put ${folderOf(key)}`, options, () =>
        inner.put(key, body, { ...options, ...calmly }),
      ),
    delete: (key, options) =>
      change(`delete ${folderOf(key)}`, options, () => inner.delete(key, calmly)),
    createUpload: (key, options) =>
      change('upload', options, () => inner.createUpload(key, calmly)),
    uploadPart: (part, options) => change('part', options, () => inner.uploadPart(part, calmly)),
    completeUpload: (upload, options) =>
      change('complete', options, () => inner.completeUpload(upload, calmly)),
    abortUpload: (upload, options) =>
      change('abort', options, () => inner.abortUpload(upload, calmly)),
    listUploads: (prefix, options) =>
      ask('uploads', options, () => inner.listUploads(prefix, calmly)),
  };
}

function folderOf(key: string): string {
  return /^tidegate\/(current|bodies|probes|owners)/.exec(key)?.[1] ?? key;
}

async function failing<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ObjectStorageFailure) throw error;
    throw new ObjectStorageFailure('unknown', String(error));
  }
}
