// What an object sink stands on, passed in; and the conditional write that all of its decisions are.

import type {
  ObjectFacts,
  ObjectPage,
  ObjectStorage,
  StoredObject,
} from '../../contracts/object-storage.js';
import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import type { Random } from '../../runtime/random.js';
import type { StorageCalls } from '../../store/object/storage-calls.js';
import type { ObjectSinkLayout } from './layout.js';

export interface ObjectSinkPorts {
  readonly storage: ObjectStorage;
  readonly calls: StorageCalls;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly layout: ObjectSinkLayout;
  /** For messages: the address of the storage, and the prefix. */
  readonly address: string;
}

export type SeenObject = Omit<StoredObject, 'body'> & { readonly bytes: Uint8Array };

/** Some 100 000 parts. */
const maxSmallBytes = 64 * 2 ** 20;

/** One that is too large to be ours comes without its bytes. */
export async function readSmall(
  { calls }: Pick<ObjectSinkPorts, 'calls'>,
  key: string,
  signal: AbortSignal,
): Promise<SeenObject | undefined> {
  const found = await calls.readWhole(key, maxSmallBytes, signal);
  return found && { ...found, bytes: found.bytes ?? new Uint8Array() };
}

/** `lost`: something else was there first, and `seen` is what there is now. */
export type Replacement =
  | { readonly kind: 'done'; readonly etag: string }
  | { readonly kind: 'lost'; readonly seen: SeenObject | undefined };

/**
 * Writes an object where there was the version of this tag, or none. A try that fails is followed by
 * a look: our bytes say that it took effect, the old tag that it did not, or not yet. It is then written
 * again under the same condition, which lets only one of the two take effect.
 *
 * @param bytes With a nonce in them, so that nothing else has the same.
 */
export async function replaceObject(
  { calls, storage }: ObjectSinkPorts,
  key: string,
  before: string | undefined,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<Replacement> {
  const condition = before === undefined ? ({ ifAbsent: true } as const) : { ifMatch: before };
  for (const tries = calls.tries(signal); ;) {
    try {
      const put = calls.once(signal, (options) =>
        storage.put(key, bytes, { ...options, condition }),
      );
      return { kind: 'done', etag: await put };
    } catch (error) {
      signal.throwIfAborted();
      const seen = await readSmall({ calls }, key, signal);
      if (seen !== undefined && Buffer.compare(seen.bytes, bytes) === 0) {
        return { kind: 'done', etag: seen.etag };
      }
      if (seen?.etag !== before) return { kind: 'lost', seen };
      await tries.pauseAfter(error);
    }
  }
}

/** Objects below a prefix, from behind a key on, a page at a time. */
export async function* pagesOf(
  { calls, storage }: Pick<ObjectSinkPorts, 'calls' | 'storage'>,
  { prefix, behind }: { readonly prefix: string; readonly behind: string },
  signal: AbortSignal,
): AsyncGenerator<readonly ObjectFacts[], void, undefined> {
  for (let after: string | undefined = behind; after !== undefined;) {
    const query: { prefix: string; after: string } = { prefix, after };
    const page: ObjectPage = await calls.repeat(signal, (call) => storage.list(query, call));
    yield page.objects;
    after = page.next;
  }
}
