// Reads `current.json`, and replaces it by one conditional PUT whose outcome is always settled by reading.

import type { ObjectCondition } from '../../contracts/object-storage.js';
import { currentKey, parseCurrent, serializeCurrent, type Current } from './current.js';
import type { ObjectStorePorts } from './ports.js';

/** A version that was seen, and the tag that stands for it. */
export interface SeenCurrent {
  readonly current: Current;
  readonly etag: string;
}

/** `lost`: something else was there first, and `seen` is what there is now. */
export type Replacement =
  | { readonly kind: 'done'; readonly seen: SeenCurrent }
  | { readonly kind: 'lost'; readonly seen: SeenCurrent | undefined };

/** Room for hundreds of thousands of checkpoints. */
const maxCurrentBytes = 64 * 2 ** 20;

export async function readCurrent(
  { calls, storage }: ObjectStorePorts,
  signal: AbortSignal | undefined,
): Promise<(SeenCurrent & { readonly lastModifiedMs: number }) | undefined> {
  const object = await calls.readWhole(currentKey, maxCurrentBytes, signal);
  if (object === undefined) return undefined;
  const { bytes = new Uint8Array(), etag, lastModifiedMs } = object;
  return { current: parseCurrent(bytes, storage.address), etag, lastModifiedMs };
}

/**
 * Writes `next` where `before` is. A try that fails is followed by a look: the nonce in `current.json`
 * says that it took effect, the old tag that it did not, or not yet. It is then written again under the
 * same condition, which lets only one of the two take effect.
 */
export async function replaceCurrent(
  ports: ObjectStorePorts,
  before: SeenCurrent | undefined,
  next: Current,
  signal: AbortSignal | undefined,
): Promise<Replacement> {
  const condition: ObjectCondition =
    before === undefined ? { ifAbsent: true } : { ifMatch: before.etag };
  const { calls, storage } = ports;
  const bytes = serializeCurrent(next);
  for (const tries = calls.tries(signal); ;) {
    try {
      const etag = await calls.once(signal, (options) =>
        storage.put(currentKey, bytes, { ...options, condition }),
      );
      return { kind: 'done', seen: { current: next, etag } };
    } catch (error) {
      signal?.throwIfAborted();
      const seen = await readCurrent(ports, signal);
      if (seen?.current.nonce === next.nonce) return { kind: 'done', seen };
      if (seen?.etag !== before?.etag) return { kind: 'lost', seen };
      await tries.pauseAfter(error);
    }
  }
}
