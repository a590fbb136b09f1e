// What an owner knows of `current.json`, how it changes it, and when it stops being the owner.

import { TidegateError, toError } from '../../errors.js';
import { generation as generationOf, highestGeneration, type Generation } from '../../ids.js';
import { withDeadline } from '../../runtime/deadline.js';
import { Heartbeat } from '../heartbeat.js';
import { fenced } from '../store-error.js';
import { currentKey, heartbeatKey, type Current } from './current.js';
import { readCurrent, replaceCurrent, type SeenCurrent } from './current-object.js';
import { drawHex, type ObjectStorePorts } from './ports.js';

/** What a change makes of a version; undefined when there is nothing to change. */
export type Change = (current: Current) => Promise<Partial<Current> | undefined>;

export class Ownership {
  readonly generation: Generation;
  readonly session: string;
  #seen: SeenCurrent;
  /** Whether a change of ours may have taken effect, or may still, that `#seen` does not show. */
  #isUncertain = false;
  #state: 'held' | 'fenced' | 'closed' = 'held';
  /** Sessions that this one may have claimed and has not handed out. */
  readonly #abandoned = new Set<string>();
  readonly #heartbeat: Heartbeat;
  #lastSignMs: number;

  constructor(
    private readonly ports: ObjectStorePorts,
    claimed: SeenCurrent,
  ) {
    this.#seen = claimed;
    this.generation = claimed.current.generation;
    this.session = claimed.current.session;
    this.#lastSignMs = ports.clock.monotonicMs();
    const { clock, heartbeatMs } = ports;
    this.#heartbeat = new Heartbeat(clock, heartbeatMs, () => this.#beat());
  }

  /** @throws TidegateError `TIDEGATE_FENCED` or `TIDEGATE_STORE_CLOSED` when that is known. */
  check(): void {
    if (this.#state === 'fenced') throw fenced(this.generation);
    if (this.#state === 'held') return;
    throw new TidegateError('TIDEGATE_STORE_CLOSED', `generation ${this.generation} was closed`);
  }

  /** What there is now. @throws TidegateError `TIDEGATE_FENCED` when it is of another owner. */
  async read(signal: AbortSignal | undefined): Promise<SeenCurrent> {
    return this.#own(await readCurrent(this.ports, signal));
  }

  /**
   * Makes one version of another. `change` is asked again, about what there is then, when an earlier change
   * of this owner turns out to have taken effect late. One at a time.
   *
   * @returns The version before and the one after; undefined when nothing was to be changed.
   */
  async change(
    change: Change,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly before: Current; readonly after: Current } | undefined> {
    for (;;) {
      if (this.#isUncertain) this.#seen = await this.read(signal);
      const { current } = this.#seen;
      const changes = await change(current);
      if (changes === undefined) return undefined;
      signal?.throwIfAborted();
      this.#isUncertain = true;
      const next = this.#next(current, changes);
      const outcome = await replaceCurrent(this.ports, this.#seen, next, signal);
      this.#seen = outcome.kind === 'done' ? outcome.seen : this.#own(outcome.seen);
      this.#isUncertain = false;
      this.#lastSignMs = this.ports.clock.monotonicMs();
      if (outcome.kind === 'done') return { before: current, after: next };
    }
  }

  /** Takes the next generation, which fences this one, after a claim whose caller was gone, too. */
  async takeNext(signal: AbortSignal | undefined): Promise<SeenCurrent> {
    if (this.#state === 'closed' || this.#abandoned.size === 0) this.check();
    const session = drawHex(this.ports.random, 4);
    try {
      for (;;) {
        const seen = this.#own(await readCurrent(this.ports, signal), this.#abandoned);
        const next = this.#next(seen.current, claimOf(this.ports, seen.current, session));
        const outcome = await replaceCurrent(this.ports, seen, next, signal);
        if (outcome.kind === 'lost') continue;
        this.#abandoned.clear();
        this.#fence();
        return outcome.seen;
      }
    } catch (error) {
      // It may have taken effect, or may still: the next call goes on from it.
      this.#abandoned.add(session);
      throw error;
    }
  }

  /** Gives the store up, so that the next `open` does not wait. */
  async end(): Promise<void> {
    this.#heartbeat.stop();
    if (this.#state !== 'held') return;
    this.#state = 'closed';
    const { clock, logger } = this.ports;
    const outcome = await withDeadline({ clock, timeoutMs: maxCloseMs }, (signal) =>
      this.change(() => Promise.resolve({ owner: undefined }), signal),
    );
    if (outcome.kind === 'failed') {
      logger.warn({ err: toError(outcome.error) }, 'could not give up the store');
    }
  }

  #next(current: Current, changes: Partial<Current>): Current {
    const nonce = drawHex(this.ports.random, 8);
    return { ...current, ...changes, sequence: current.sequence + 1, nonce };
  }

  #own(seen: SeenCurrent | undefined, alsoOwn?: ReadonlySet<string>): SeenCurrent {
    const { address } = this.ports.storage;
    if (seen === undefined) {
      throw new TidegateError(
        'TIDEGATE_STORE_CORRUPT',
        `${address}/${currentKey} was deleted while generation ${this.generation} owned the store`,
      );
    }
    const { session, generation } = seen.current;
    if (session === this.session || alsoOwn?.has(session) === true) return seen;
    this.#fence();
    throw fenced(this.generation, generation);
  }

  #fence(): void {
    this.#state = 'fenced';
    this.#heartbeat.stop();
  }

  async #beat(): Promise<void> {
    const { calls, clock, heartbeatMs, logger, storage } = this.ports;
    // A new version of `current.json` is a sign of life, too.
    if (clock.monotonicMs() - this.#lastSignMs < heartbeatMs) return;
    const bytes = Buffer.from(JSON.stringify({ atMs: clock.now() }));
    try {
      await calls.once(undefined, (options) => storage.put(heartbeatKey(this), bytes, options));
    } catch (error) {
      logger.debug({ err: toError(error) }, 'missed a heartbeat');
    }
  }
}

/** The store is given up without waiting for a service that does not answer. */
const maxCloseMs = 5_000;

/** What a claim changes. @throws TidegateError `TIDEGATE_GENERATIONS_EXHAUSTED` above the last one. */
export function claimOf(
  { heartbeatMs, processes, storage }: ObjectStorePorts,
  before: Pick<Current, 'generation'> | undefined,
  session: string,
): Pick<Current, 'generation' | 'owner' | 'session'> {
  const number = (before?.generation ?? 0) + 1;
  if (number > highestGeneration) {
    throw new TidegateError(
      'TIDEGATE_GENERATIONS_EXHAUSTED',
      `generation ${number} is above ${highestGeneration}: ${storage.address} has used all of them`,
    );
  }
  return {
    generation: generationOf(number),
    session,
    owner: { ...processes.self(), heartbeatMs },
  };
}
