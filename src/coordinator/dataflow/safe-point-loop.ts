// The dataflow of a user's own loop: the cut is taken while it waits at a safe point.

import { isDeepStrictEqual } from 'node:util';
import type { Barrier, BarrierPort, CutListener, Flow } from '../../contracts/barrier.js';
import type { Participants } from '../../contracts/participants.js';
import { checkedPosition, sameOffsets } from '../../contracts/source-position.js';
import type { CallOptions, Offsets, Source, SourcePosition } from '../../contracts/source.js';
import { afterPromises } from '../../runtime/event-loop.js';

/** Where a loop is between two of its safe points. */
export type LoopStanding = 'at-safe-point' | 'unclear' | 'halfway';

interface Mark {
  readonly writtenCount: number;
  readonly offsets: readonly Offsets[];
}

/**
 * Nothing moves while the loop waits: all records read so far are processed and written, and the
 * next one is not read. So positions, states and writers can be taken in any order, and this is the
 * only time at which recovery may put sources and operators back.
 */
export class SafePointLoop implements BarrierPort {
  readonly #participants: Participants;
  #isAsync = false;
  #isWaiting = false;
  #arrivals: (() => void)[] = [];
  /** Where everything was at the last safe point, as far as the sources can say so at once. */
  #mark: Mark | undefined;
  #isTakenForEnded = false;
  #endReadings: () => Promise<void> = () => Promise.resolve();
  /** Nothing but the loop has run since its last safe point. */
  #isFresh = false;

  constructor(participants: Participants) {
    this.#participants = participants;
  }

  endReadingsBy(end: () => Promise<void>): void {
    this.#endReadings = end;
  }

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** The loop is between two records and does nothing until `leave`. */
  arrive(): void {
    this.#isWaiting = true;
    for (const resolve of this.#arrivals.splice(0)) resolve();
  }

  /** A loop that does not come back counts as ended at its last safe point. */
  takeForEnded(): void {
    this.#isTakenForEnded = true;
  }

  leave(): void {
    this.#isWaiting = false;
  }

  /** The loop goes on: what it writes now belongs to records that no position covers yet. */
  mark(writtenCount: number): void {
    const offsets = this.#offsetsNow();
    this.#mark = offsets && { writtenCount, offsets };
    if (this.#isFresh) return;
    this.#isFresh = true;
    afterPromises(() => {
      this.#isFresh = false;
    });
  }

  /**
   * Where the loop is when a stop comes. With every source where it was at the last safe point, the
   * batch that was taken there is not over: `halfway` when something of it was written, which a cut
   * would commit and the next start would read again; `unclear` when nothing was, since the loop may
   * have ended right there. A source that moves when it hands a record out cannot show either; such a
   * loop has to stop at a safe point by itself.
   */
  standing(writtenCount: number): LoopStanding {
    // The loop itself goes on from its safe point: nothing else has run since.
    if (this.#isWaiting || this.#isFresh || this.#mark === undefined) return 'at-safe-point';
    const offsets = this.#offsetsNow();
    const hasMoved = offsets === undefined || !isDeepStrictEqual(offsets, this.#mark.offsets);
    if (hasMoved) return 'at-safe-point';
    return this.#mark.writtenCount === writtenCount ? 'unclear' : 'halfway';
  }

  /** Undefined where a source needs time to say where it is, or cannot. */
  #offsetsNow(): readonly Offsets[] | undefined {
    const { sources } = this.#participants;
    if (this.#isAsync || sources.size === 0) return undefined;
    const all: Offsets[] = [];
    try {
      for (const source of sources.values()) {
        const position = source.position();
        if (isThenable(position)) {
          this.#isAsync = true;
          position.then(undefined, () => undefined);
          return undefined;
        }
        // Not checked here, at each safe point: it is where it gets into a cut.
        const { offsets } = position as { readonly offsets?: object };
        all.push({ ...(typeof offsets === 'object' ? offsets : position) });
      }
    } catch {
      return undefined;
    }
    return all;
  }

  inject(barrier: Barrier, listener: CutListener): void {
    if (!this.#isWaiting && !this.#isTakenForEnded) {
      listener.failed(barrier, 'loop', new Error('the loop is not at a safe point'));
      return;
    }
    for (const [name, source] of this.#participants.sources) {
      report(source, (position) => listener.sourceReached(barrier, name, position)).catch(
        (error: unknown) => listener.failed(barrier, `source ${name}`, error),
      );
    }
    for (const [name, table] of this.#participants.tables) {
      report(table, (position) => listener.tableReached(barrier, name, position)).catch(
        (error: unknown) => listener.failed(barrier, `table ${name}`, error),
      );
    }
    this.#capture(barrier, listener);
    for (const name of this.#participants.sinks.keys()) listener.sinkReached(barrier, name);
  }

  cancel(_barrier: Barrier): void {
    // There is nothing to release: without a cut the loop continues.
  }

  async suspend({ signal }: CallOptions): Promise<void> {
    if (!this.#isWaiting) await this.#arrival(signal);
    // What reads for it, ahead of it, has to be over before its sources are put back.
    await this.#endReadings();
  }

  #arrival(signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#arrivals.push(resolve);
      const abort = (): void => reject(new Error('the wait for the loop was aborted'));
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  resume(_flow: Flow): void {
    // The loop takes its writers from what safePoint answers.
  }

  /** Offsets tell whether anything was read; whether anything was written is known elsewhere. */
  async hasNews(since: ReadonlyMap<string, Offsets>): Promise<boolean> {
    for (const [name, source] of this.#participants.sources) {
      const { offsets } = checkedPosition(`source ${name}`, await source.position());
      const known = since.get(name);
      if (known === undefined || !sameOffsets(offsets, known)) return true;
    }
    return false;
  }

  #capture(barrier: Barrier, listener: CutListener): void {
    for (const [name, operator] of this.#participants.operators) {
      try {
        listener.operatorReached(barrier, name, operator.capture());
      } catch (error) {
        listener.failed(barrier, `operator ${name}`, error);
      }
    }
  }
}

/** Synchronously where the source can, so that a cut costs no turn of the event loop. */
async function report(source: Source, reached: (position: SourcePosition) => void): Promise<void> {
  const position = source.position();
  // In either form: the cut checks it, of whatever dataflow it comes.
  reached((isThenable(position) ? await position : position) as SourcePosition);
}

/** Also of another realm, and of a query builder: a promise is no offset. */
function isThenable<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return typeof (value as { readonly then?: unknown }).then === 'function';
}
