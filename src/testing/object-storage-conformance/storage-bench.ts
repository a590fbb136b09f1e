// What the suite for object storage is given, and what its cases do with it.

import { equal, fail, ok } from 'node:assert/strict';
import type { CallOptions } from '../../contracts/source.js';
import { sharedAbort } from '../../runtime/abort.js';
import {
  ObjectStorageFailure,
  type ObjectFacts,
  type ObjectStorage,
  type ObjectStorageFailureKind,
} from '../../contracts/object-storage.js';

/** One bucket, or a part of one, and the adapters that processes make on it. */
export interface ObjectStorageSystem {
  /** An adapter as a process that has just started makes it. */
  connect(): ObjectStorage | Promise<ObjectStorage>;
  close?(): void | Promise<void>;
}

/** Makes the storages that the conformance suite tries. */
export interface ObjectStorageFactory {
  /** Begins the title of the suite. */
  readonly name: string;
  /** A new and empty place: a bucket, or a prefix that has never been used. */
  create(): ObjectStorageSystem | Promise<ObjectStorageSystem>;
}

/** One obligation as a case; `run` rejects when the adapter or the service does not keep it. */
export interface ObjectStorageCase {
  readonly title: string;
  readonly run: (system: ObjectStorageSystem) => Promise<void>;
}

/** The signal of calls that are not aborted. */
export const calmly: CallOptions = { signal: sharedAbort().signal };

export const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));

export async function readText(storage: ObjectStorage, key: string): Promise<string | undefined> {
  const bytes = await readBytes(storage, key);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
}

export async function readBytes(
  storage: ObjectStorage,
  key: string,
  range?: { readonly start: number; readonly end: number },
): Promise<Uint8Array | undefined> {
  const object = await storage.get(key, range === undefined ? calmly : { ...calmly, range });
  if (object === undefined) return undefined;
  const pieces: Uint8Array[] = [];
  for await (const piece of object.body) pieces.push(piece);
  return Uint8Array.from(Buffer.concat(pieces));
}

/** Every object below a prefix, page by page. */
export async function listAll(
  storage: ObjectStorage,
  prefix: string,
): Promise<readonly ObjectFacts[]> {
  const found: ObjectFacts[] = [];
  let after: string | undefined;
  do {
    const page = await storage.list({ prefix, after }, calmly);
    ok(page.objects.length <= 1_000, `a page has ${page.objects.length} objects`);
    found.push(...page.objects);
    after = page.next;
  } while (after !== undefined);
  return found;
}

export async function assertFails(
  call: Promise<unknown>,
  ...kinds: readonly ObjectStorageFailureKind[]
): Promise<void> {
  const thrown: unknown = await call.then(
    () => fail(`the call should have failed with ${kinds.join(' or ')}`),
    (error: unknown) => error,
  );
  if (!(thrown instanceof ObjectStorageFailure)) throw thrown;
  ok(kinds.includes(thrown.kind), `expected ${kinds.join(' or ')}, got ${thrown.kind}`);
}

/**
 * Lets several writers try at once: one wins, and what it wrote is what is read. An answer that leaves the
 * outcome open is taken for no win.
 */
export async function assertOneWinner(
  storage: ObjectStorage,
  key: string,
  what: string,
  write: (body: string) => Promise<string>,
): Promise<void> {
  const bodies = Array.from({ length: 8 }, (_, index) => `${what} by writer ${index}`);
  const outcomes = await Promise.all(
    bodies.map(async (body) => {
      try {
        return { body, etag: await write(body) };
      } catch (error) {
        if (error instanceof ObjectStorageFailure && losses.has(error.kind)) return undefined;
        throw error;
      }
    }),
  );
  const winners = outcomes.filter((outcome) => outcome !== undefined);
  ok(winners.length <= 1, `${winners.length} writers with the same condition won ${key}`);
  const seen = await readText(storage, key);
  ok(seen !== undefined && bodies.includes(seen), `${key} holds what none of the writers wrote`);
  const [winner] = winners;
  if (winner === undefined) return;
  equal(seen, winner.body);
  equal((await storage.head(key, calmly))?.etag, winner.etag);
}

const losses: ReadonlySet<ObjectStorageFailureKind> = new Set(['condition-failed', 'unknown']);
