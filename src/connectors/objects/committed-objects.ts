// Reading what an object sink has committed, and nothing else.

import type { ObjectStorage } from '../../contracts/object-storage.js';
import type { CheckpointId } from '../../ids.js';
import { completeOptions, custom, text, whole, type OptionTable } from '../../options.js';
import { abortReason } from '../../runtime/abort.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLogger } from '../../runtime/logger.js';
import { systemRandom } from '../../runtime/random.js';
import { StorageCalls } from '../../store/object/storage-calls.js';
import type { EpochRecord } from './epoch-record.js';
import { readEpoch } from './epochs.js';
import { asFolder, ObjectSinkLayout } from './layout.js';
import { toObjectsError } from './objects-error.js';
import { pagesOf, type ObjectSinkPorts } from './ports.js';
import { keyOf } from './publishing.js';

/** Options of `committedObjects`. */
export interface CommittedObjectsOptions {
  /** The sink's prefix. Default: the whole storage. */
  readonly prefix?: string;
  /** Goes on behind this checkpoint: that of the last object that was read. Default: from the beginning. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

/** One object of committed output. */
export interface CommittedObject {
  readonly checkpointId: CheckpointId;
  readonly epoch: number;
  /** In the storage; its body is `storage.get(key, …)`. */
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
  readonly recordCount: number;
}

const optionTable = {
  prefix: text(''),
  after: whole({ min: 0 }, 0),
  signal: custom(),
} satisfies OptionTable<CommittedObjectsOptions>;

/**
 * The committed output of an object sink, in the order of its commits; a concatenation of the objects is the
 * output. It ends at the newest commit, or before one whose objects are not complete yet.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`, `TIDEGATE_OBJECTS_…`.
 */
export async function* committedObjects(
  storage: ObjectStorage,
  options: CommittedObjectsOptions = {},
): AsyncGenerator<CommittedObject, void, undefined> {
  const {
    prefix,
    after,
    signal = new AbortController().signal,
  } = completeOptions('committedObjects', options, optionTable);
  const layout = new ObjectSinkLayout(asFolder(prefix));
  const { address } = storage;
  const bounds = { requestMs: 30_000, retryMs: 60_000 };
  const calls = new StorageCalls(storage, systemClock, systemRandom, bounds);
  const chance = { clock: systemClock, random: systemRandom, logger: silentLogger };
  try {
    yield* committed({ storage, calls, layout, address, ...chance }, after, signal);
  } catch (error) {
    if (signal.aborted) throw abortReason(signal);
    throw toObjectsError(error, `reading what is committed at ${address}/${layout.prefix}`);
  }
}

async function* committed(
  ports: ObjectSinkPorts,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<CommittedObject, void, undefined> {
  const { layout } = ports;
  /** Passed by while they were prepared. */
  let undecided: CheckpointId[] = [];
  const query = { prefix: layout.epochs, behind: layout.epoch(after) };
  for await (const page of pagesOf(ports, query, signal)) {
    for (const { key } of page) {
      const id = layout.idOfEpoch(key);
      const seen = id === undefined ? undefined : await readEpoch(ports, id, signal);
      if (seen?.record.state === 'prepared') undecided.push(seen.record.checkpointId);
      if (seen?.record.state !== 'committed') continue;
      // An epoch is committed behind those before it: they are decided by now, or never will be.
      const earlier = await Promise.all(undecided.map((one) => readEpoch(ports, one, signal)));
      undecided = [];
      for (const one of [...earlier, seen]) {
        if (one?.record.state !== 'committed') continue;
        if (!(await isComplete(ports, one.record, signal))) return;
        yield* objectsOf(ports, one.record);
      }
    }
  }
}

/** Uploads are completed behind the commit; what was put as a whole was there before it. */
async function isComplete(
  ports: ObjectSinkPorts,
  { objects }: EpochRecord,
  signal: AbortSignal,
): Promise<boolean> {
  for (const object of objects) {
    if (object.upload === undefined) continue;
    const key = keyOf(ports, object);
    const found = await ports.calls.repeat(signal, (call) => ports.storage.head(key, call));
    if (found === undefined) return false;
  }
  return true;
}

function* objectsOf(ports: ObjectSinkPorts, record: EpochRecord): Generator<CommittedObject> {
  const { checkpointId, epoch } = record;
  for (const object of record.objects) {
    const { size, sha256, recordCount } = object;
    yield { checkpointId, epoch, key: keyOf(ports, object), size, sha256, recordCount };
  }
}
