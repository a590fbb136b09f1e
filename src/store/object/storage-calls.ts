// Calls to the service: each has a bound, and those that may be repeated are, with growing pauses.

import {
  ObjectStorageFailure,
  type ObjectStorage,
  type ObjectStorageFailureKind,
  type StoredObject,
} from '../../contracts/object-storage.js';
import type { CallOptions } from '../../contracts/source.js';
import { whole, type OptionTable } from '../../options.js';
import { backoffMs } from '../../runtime/backoff.js';
import type { Clock } from '../../runtime/clock.js';
import { sleep, withDeadline } from '../../runtime/deadline.js';
import type { Random } from '../../runtime/random.js';

/** Bounds of an `ObjectCheckpointStore`, in milliseconds. */
export interface ObjectStoreTimeouts {
  /** One request, or one piece of a body, in milliseconds. Default 30 000. */
  readonly requestMs?: number;
  /** All tries of one request together, in milliseconds. Default 60 000. */
  readonly retryMs?: number;
}

export const storageTimeouts = {
  requestMs: whole({ min: 1, unit: 'milliseconds' }, 30_000),
  retryMs: whole({ min: 0, unit: 'milliseconds' }, 60_000),
} satisfies OptionTable<ObjectStoreTimeouts>;

/** What an adapter has. */
export const storageFunctions = [
  ...['head', 'get', 'list', 'put', 'delete', 'createUpload', 'uploadPart'],
  ...['completeUpload', 'abortUpload', 'listUploads'],
];

export class StorageCalls {
  constructor(
    readonly storage: ObjectStorage,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly timeouts: Required<ObjectStoreTimeouts>,
  ) {}

  /** One try. An answer that does not come is a failure of kind `unknown`. */
  async once<Value>(
    signal: AbortSignal | undefined,
    work: (options: CallOptions) => Promise<Value>,
  ): Promise<Value> {
    const { clock } = this;
    const timeoutMs = this.timeouts.requestMs;
    const outcome = await withDeadline({ clock, timeoutMs, signal }, (inner) =>
      work({ signal: inner }),
    );
    switch (outcome.kind) {
      case 'answered':
        return outcome.value;
      case 'failed':
        throw outcome.error;
      case 'aborted':
        throw outcome.reason;
      case 'timed-out':
        throw new ObjectStorageFailure('unknown', `no answer within ${outcome.afterMs} ms`);
    }
  }

  /** For what may be done twice: reading, and writing the same bytes under a name of one's own. */
  async repeat<Value>(
    signal: AbortSignal | undefined,
    work: (options: CallOptions) => Promise<Value>,
  ): Promise<Value> {
    for (const tries = this.tries(signal); ;) {
      try {
        return await this.once(signal, work);
      } catch (error) {
        await tries.pauseAfter(error);
      }
    }
  }

  tries(signal: AbortSignal | undefined): Tries {
    return new Tries(this.clock, this.random, this.timeouts.retryMs, signal);
  }

  /** The whole of a small object; `bytes` is undefined when it has more than `maxBytes`. */
  async readWhole(
    key: string,
    maxBytes: number,
    signal: AbortSignal | undefined,
  ): Promise<(Omit<StoredObject, 'body'> & { readonly bytes?: Uint8Array }) | undefined> {
    return this.repeat(signal, async (options) => {
      const object = await this.storage.get(key, options);
      if (object === undefined) return undefined;
      const bytes = await collect(object, maxBytes);
      return bytes === undefined ? object : { ...object, bytes };
    });
  }

  /** Bytes of an object in order, a range at a time; one that breaks off is asked for again. */
  async *stream(
    key: string,
    { start, end }: { readonly start: number; readonly end: number },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for (let from = start; from < end; from += rangeBytes) {
      const range = { start: from, end: Math.min(end, from + rangeBytes) };
      const byteLength = range.end - range.start;
      const bytes = await this.repeat(signal, async (options) => {
        const object = await this.storage.get(key, { ...options, range });
        return object === undefined ? undefined : collect(object, byteLength);
      });
      if (bytes?.byteLength !== byteLength) throw new MissingBytes(key);
      yield new Uint8Array(bytes);
    }
  }
}

/** Undefined when there are more: an object that something else has put there must not fill the memory. */
async function collect({ body }: StoredObject, maxBytes: number): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let byteLength = 0;
  for await (const piece of body) {
    byteLength += piece.byteLength;
    if (byteLength > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** An object is gone, or shorter than it was. */
export class MissingBytes extends Error {
  constructor(key: string) {
    super(`${key} is not there, or has fewer bytes than were written`);
  }
}

/** Memory that one reader takes, whatever the object's length. */
const rangeBytes = 4 * 2 ** 20;

/** The pauses between the tries of one call, up to a bound. */
export class Tries {
  readonly #deadlineMs: number;
  #count = 0;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    retryMs: number,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.#deadlineMs = clock.monotonicMs() + retryMs;
  }

  /** @throws The error itself where another try is of no use, or there is no time for one. */
  async pauseAfter(error: unknown): Promise<void> {
    if (!isPassing(error)) throw error;
    const pauseMs = backoffMs(this.#count, this.random.next(), { firstMs: 50, maxMs: 5_000 });
    if (this.clock.monotonicMs() + pauseMs > this.#deadlineMs) throw error;
    this.#count += 1;
    await sleep(this.clock, pauseMs, this.signal);
    this.signal?.throwIfAborted();
  }
}

function isPassing(error: unknown): boolean {
  return isFailure(error, 'unknown', 'throttled', 'unreachable', 'condition-failed');
}

export function isFailure(error: unknown, ...kinds: readonly ObjectStorageFailureKind[]): boolean {
  return error instanceof ObjectStorageFailure && kinds.includes(error.kind);
}
