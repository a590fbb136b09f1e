// A durable sink on object storage: parts are uploaded, and one conditional PUT makes an epoch count.

import type { ObjectStorage } from '../../contracts/object-storage.js';
import type { TwoPhaseSink } from '../../contracts/sink.js';
import {
  callback,
  completeOptions,
  contract,
  custom,
  nested,
  required,
  whole,
  type OptionTable,
} from '../../options.js';
import { systemClock, type Clock } from '../../runtime/clock.js';
import { silentLogger, type Logger } from '../../runtime/logger.js';
import { systemRandom, type Random } from '../../runtime/random.js';
import { drawHex } from '../../store/object/ports.js';
import {
  StorageCalls,
  storageFunctions,
  storageTimeouts,
  type ObjectStoreTimeouts,
} from '../../store/object/storage-calls.js';
import { extensionProblem, jsonLine } from '../files/sink/sink.js';
import { checkIdentity } from '../staging/sink-identity.js';
import { ObjectSinkInspector } from './inspector.js';
import { asFolder, ObjectSinkLayout } from './layout.js';
import { asking } from './objects-error.js';
import { takeSink } from './opening.js';
import { readState } from './ownership.js';
import { ObjectSinkSession } from './session.js';

/** Options of `objectSink`. */
export interface ObjectSinkOptions<Rec> {
  /** A bucket, such as `s3Storage(…)` gives; its service must honour conditional PUTs. */
  readonly storage: ObjectStorage;
  /**
   * Where in `storage` this sink writes; one sink's own. Default: all of it. Output lies there as
   * `part-….<extension>`; `committedObjects` says which of it is committed.
   */
  readonly prefix?: string;
  /**
   * Text or bytes of one record, the separator included. Default: one line of JSON; a record that
   * JSON would change (NaN, undefined, a Date, a BigInt, a Map …) is refused, naming the place.
   */
  readonly encode?: (record: Rec) => string | Uint8Array;
  /** Default `jsonl`. */
  readonly extension?: string;
  /**
   * Bytes of one part of an upload. Two of them are in memory at most. Default 8 MiB; services refuse less
   * than 5 MiB. An epoch that fits into one part is one PUT.
   */
  readonly maxPartBytes?: number;
  /** Bytes at which another object is begun; a record lies in one. Default 1 GiB; 10 000 parts at most. */
  readonly maxObjectBytes?: number;
  /**
   * Milliseconds after which a rule of the bucket ends uploads that are not completed, or takes objects
   * away. Default: there is none.
   */
  readonly maxPreparedLifetimeMs?: number;
  readonly timeouts?: ObjectStoreTimeouts;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** Services take at most this many parts. */
const maxParts = 10_000;

const optionTable = {
  storage: required(contract(storageFunctions)),
  prefix: custom(prefixProblem, ''),
  encode: callback(jsonLine),
  extension: custom(extensionProblem, 'jsonl'),
  maxPartBytes: whole({ min: 1 }, 8 * 2 ** 20),
  maxObjectBytes: whole({ min: 1 }, 2 ** 30),
  maxPreparedLifetimeMs: whole({ min: 1, unit: 'milliseconds' }),
  timeouts: nested<ObjectStoreTimeouts>(storageTimeouts),
  clock: contract(['now', 'monotonicMs', 'setTimer'], systemClock),
  random: contract(['next', 'bytes'], systemRandom),
  logger: contract(['info', 'warn'], silentLogger),
} satisfies OptionTable<ObjectSinkOptions<unknown>>;

/**
 * A `durable` sink: what was pre-committed survives a crash, and a fresh process on any machine can
 * commit it. The service is the fence: what an overtaken process still sends has no effect.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`; from `open` `TIDEGATE_OBJECT_STORAGE` for a service that does
 * not honour conditions, `TIDEGATE_SINK_STORE`, `TIDEGATE_SINK_DIRECTORY`, `TIDEGATE_FENCED`.
 */
export function objectSink<Rec = unknown>(options: ObjectSinkOptions<Rec>): TwoPhaseSink<Rec> {
  const completed = completeOptions('objectSink', options, optionTable, {
    rules: () => [tooManyParts(options)],
  });
  const { storage, clock, random, logger, maxPreparedLifetimeMs } = completed;
  const layout = new ObjectSinkLayout(asFolder(completed.prefix));
  const timeouts = completed.timeouts as Required<ObjectStoreTimeouts>;
  const calls = new StorageCalls(storage, clock, random, timeouts);
  const address = layout.prefix === '' ? storage.address : `${storage.address}/${layout.prefix}`;
  const ports = { storage, calls, clock, random, logger, layout, address };
  // So that an opening that failed half-way may be done again under the same generation.
  const opening = drawHex(random, 8);
  return {
    durability: 'durable',
    maxPrepared: Number.MAX_SAFE_INTEGER,
    ...(maxPreparedLifetimeMs === undefined ? {} : { maxPreparedLifetimeMs }),
    open: (owner, { signal }) =>
      asking(`opening the sink at ${address}`, signal, async () => {
        const taken = await takeSink(ports, owner, opening, signal);
        return new ObjectSinkSession(ports, taken, { ...completed, owner });
      }),
    openReadOnly: (identity, { signal }) =>
      asking(`opening the sink at ${address}`, signal, async () => {
        const seen = await readState(ports, signal);
        checkIdentity({ layout: { directory: address } }, seen?.state, identity);
        return new ObjectSinkInspector(ports, identity);
      }),
  };
}

function tooManyParts({
  maxPartBytes = optionTable.maxPartBytes.default,
  maxObjectBytes = optionTable.maxObjectBytes.default,
}: ObjectSinkOptions<never>): string | undefined {
  if (maxObjectBytes <= maxParts * maxPartBytes) return undefined;
  return (
    `maxObjectBytes (${maxObjectBytes}) is more than ${maxParts} parts of maxPartBytes ` +
    `(${maxPartBytes}), which is what services take`
  );
}

function prefixProblem(prefix: unknown): string | undefined {
  if (typeof prefix !== 'string') return 'is not text';
  const names = prefix.replace(/\/$/, '').split('/');
  const isPlain =
    prefix === '' || names.every((name) => /^[\w!.*'() =-]+$/.test(name) && !/^\.\.?$/.test(name));
  return isPlain ? undefined : `${JSON.stringify(prefix)} is not names joined by /`;
}
