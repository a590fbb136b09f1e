// Deletes what no version names any more: bodies that were replaced or pruned, and what crashes left.

import { toError } from '../../errors.js';
import { letManyListen } from '../../runtime/abort.js';
import { forEachBounded } from '../../runtime/for-each-bounded.js';
import {
  bodiesFolder,
  bodyKey,
  currentKey,
  generationOfKey,
  namedBodies,
  ownFolder,
  type Current,
} from './current.js';
import type { Ownership } from './ownership.js';
import type { ObjectStorePorts } from './ports.js';
import type { ServiceTime } from './probe.js';

/** Deletions that one call does at most, so that no checkpoint waits for thousands. */
const maxDeletions = 64;

const concurrency = 8;

interface Leaving {
  readonly key: string;
  /** On the monotonic clock. */
  readonly dueMs: number;
}

/**
 * Reading goes on in what was pruned: a body is deleted when it is older than `minBodyAgeMs`. That nothing
 * names it again is another matter, and does not depend on any clock.
 */
export class Leavings {
  #waiting: Leaving[] = [];
  /** Where the look at what older owners left goes on; undefined when it is over. */
  #sweep: { readonly after: string | undefined } | undefined = { after: undefined };

  constructor(
    private readonly ports: ObjectStorePorts,
    private readonly ownership: Ownership,
    private readonly time: ServiceTime,
  ) {}

  /** Bodies that the version which has just taken effect does not name. */
  add(names: readonly string[]): void {
    const dueMs = this.ports.clock.monotonicMs() + this.ports.minBodyAgeMs;
    this.#waiting.push(...names.map((name) => ({ key: bodyKey(name), dueMs })));
  }

  /**
   * Deletes some of what is due. Never rejects: rubbish keeps no checkpoint from being taken.
   *
   * @param read Gives the newest version, while this owner still is the owner.
   */
  async clear(read: () => Promise<Current>, signal: AbortSignal | undefined): Promise<void> {
    try {
      if (this.#sweep !== undefined) await this.#look(this.#sweep.after, await read(), signal);
      await this.#deleteDue(signal);
    } catch (error) {
      if (signal?.aborted === true) return;
      this.ports.logger.warn({ err: toError(error) }, 'could not delete what is left over');
    }
  }

  /** One page of what lies there, and with the last one the uploads that are under way. */
  async #look(
    after: string | undefined,
    current: Current,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { calls, clock, minBodyAgeMs, storage } = this.ports;
    const named = namedBodies(current);
    const query = { prefix: ownFolder, after };
    const page = await calls.repeat(signal, (options) => storage.list(query, options));
    const nowMs = clock.monotonicMs();
    for (const { key, lastModifiedMs } of page.objects) {
      if (!this.#isOfOlderOwner(key) || named.has(key.slice(bodiesFolder.length))) continue;
      const ageMs = this.time.serviceMs + (nowMs - this.time.monotonicMs) - lastModifiedMs;
      this.#waiting.push({ key, dueMs: nowMs + minBodyAgeMs - ageMs });
    }
    this.#sweep = page.next === undefined ? undefined : { after: page.next };
    if (this.#sweep === undefined) await this.#abortUploads(signal);
  }

  /** An older owner is fenced: no version will name what it uploads. */
  async #abortUploads(signal: AbortSignal | undefined): Promise<void> {
    const { calls, storage } = this.ports;
    const uploads = await calls.repeat(signal, (options) =>
      storage.listUploads(bodiesFolder, options),
    );
    for (const upload of uploads.filter(({ key }) => this.#isOfOlderOwner(key))) {
      await calls.repeat(signal, (options) => storage.abortUpload(upload, options));
    }
  }

  /** What a newer one writes may be named by now, whatever this owner has read. */
  #isOfOlderOwner(key: string): boolean {
    if (key === currentKey) return false;
    const writer = generationOfKey(key);
    return writer !== undefined && writer < this.ownership.generation;
  }

  async #deleteDue(signal: AbortSignal | undefined): Promise<void> {
    const { calls, clock, storage } = this.ports;
    const nowMs = clock.monotonicMs();
    const due = this.#waiting.filter(({ dueMs }) => dueMs <= nowMs).slice(0, maxDeletions);
    if (due.length === 0) return;
    const bounds = { concurrency, signal: letManyListen(signal ?? new AbortController().signal) };
    await forEachBounded(due, bounds, async ({ key }) =>
      calls.repeat(signal, (options) => storage.delete(key, options)),
    );
    const gone = new Set(due);
    this.#waiting = this.#waiting.filter((leaving) => !gone.has(leaving));
  }
}
