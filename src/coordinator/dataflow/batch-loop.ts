// A user's loop over batches: between two of them it is at a safe point, and stays there while it waits.

import type { Sink } from '../../contracts/sink.js';
import { TidegateError } from '../../errors.js';
import type { Named, WritersOf } from '../options/coordinator-options.js';
import type { BatchReader } from './batch-reader.js';
import type { LoopSource } from './loop-source.js';

/** Records to process whole before the next batch is asked for. */
export interface Batch<Rec = unknown, Sinks extends Named<Sink> = Named<Sink>> {
  /** Name of the source that they are of. */
  readonly source: string;
  readonly records: readonly Rec[];
  /** Writers of the generation that is at work now. */
  readonly sinks: WritersOf<Sinks>;
  /**
   * Sources and operators are back at the last checkpoint: drop what was kept beside them. What follows
   * here is behind that checkpoint; there is nothing to read again by hand.
   */
  readonly rewound: boolean;
  /** This is the last batch: the loop ends behind it, with everything committed. */
  end(): void;
}

/** What a batch loop needs of the coordinator. */
export interface BatchPort<Sinks extends Named<Sink>> {
  /** The loop is at a safe point until it leaves. */
  arrive(): void;
  /**
   * Serves what is due, waits for a recovery. Undefined: the coordinator was stopped, and all is committed.
   *
   * @throws TidegateError When it has halted, was ended, or could not commit the last records.
   */
  settle(): Promise<{ readonly hasRewound: boolean; readonly sinks: WritersOf<Sinks> } | undefined>;
  /** Something is due, or the life of the coordinator has moved on; when it comes to be, `wake` is called. */
  readonly needsAttention: boolean;
  /** Asks for a checkpoint; settles when it is one, or will not be: false when the input comes again. */
  commit(): Promise<boolean>;
  leave(): void;
  /** The iteration is over; settles when nothing is read any more, or soon. */
  ended(end: { readonly isLeftHalfway: boolean }): Promise<void>;
}

export interface BatchSource {
  readonly reader: BatchReader;
  readonly cursor: LoopSource;
}

type State = 'new' | 'waiting' | 'in-batch' | 'over';

export class BatchLoop<Rec, Sinks extends Named<Sink>> implements AsyncIterableIterator<
  Batch<Rec, Sinks>
> {
  readonly #port: BatchPort<Sinks>;
  readonly #sources: BatchSource[];
  #state: State = 'new';
  #inHand: (() => void) | undefined;
  #isLast = false;
  #wake: (() => void) | undefined;

  constructor(port: BatchPort<Sinks>, sources: readonly BatchSource[]) {
    this.#port = port;
    this.#sources = [...sources];
  }

  /** Records were handed out that may be processed half. */
  get isInBatch(): boolean {
    return this.#state === 'in-batch';
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * The next batch; the one before is processed.
   *
   * @throws TidegateError `TIDEGATE_HALTED`, `TIDEGATE_LIFECYCLE`, `TIDEGATE_FINAL_CHECKPOINT`.
   */
  async next(): Promise<IteratorResult<Batch<Rec, Sinks>>> {
    if (this.#state === 'over') return { done: true, value: undefined };
    if (this.#state === 'waiting') throw enteredTwice();
    this.#inHand?.();
    this.#inHand = undefined;
    this.#state = 'waiting';
    this.#port.arrive();
    try {
      const batch = await this.#nextBatch();
      if (batch !== undefined) {
        this.#state = 'in-batch';
        return { done: false, value: batch };
      }
      await this.#over();
      return { done: true, value: undefined };
    } catch (error) {
      await this.#over();
      throw error;
    } finally {
      this.#port.leave();
    }
  }

  /** The loop was left by `break`, `return` or an exception. */
  async return(): Promise<IteratorResult<Batch<Rec, Sinks>>> {
    const isLeftHalfway = this.isInBatch;
    if (this.#state !== 'over') await this.#over(isLeftHalfway);
    return { done: true, value: undefined };
  }

  /** A batch has come, or something is due. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async endReadings(): Promise<void> {
    await Promise.all(this.#sources.map(({ reader }) => reader.end()));
  }

  async #nextBatch(): Promise<Batch<Rec, Sinks> | undefined> {
    let rewound = false;
    for (;;) {
      const point = await this.#port.settle();
      if (point === undefined) return undefined;
      if (point.hasRewound) {
        rewound = true;
        this.#isLast = false;
      }
      const ready = this.#isLast ? undefined : this.#takeTurn();
      if (ready !== undefined) return this.#handOut(ready, point.sinks, rewound);
      const isAtEnd = this.#sources.every(({ reader }) => reader.hasEnded);
      if (isAtEnd || this.#isLast) {
        if (await this.#port.commit()) return undefined;
        continue;
      }
      for (const { reader } of this.#sources) reader.ask();
      if (!this.#port.needsAttention) await this.#changed();
    }
  }

  /** Not a race of promises: one that is pending for long would keep all that were raced with it. */
  #changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The source whose batch is ready and that has waited longest. */
  #takeTurn(): BatchSource | undefined {
    const index = this.#sources.findIndex(({ reader }) => reader.isReady);
    const [source] = index < 0 ? [] : this.#sources.splice(index, 1);
    if (source !== undefined) this.#sources.push(source);
    return source;
  }

  #handOut(
    { reader, cursor }: BatchSource,
    sinks: WritersOf<Sinks>,
    rewound: boolean,
  ): Batch<Rec, Sinks> | undefined {
    const batch = reader.take();
    if (batch === undefined) return undefined;
    const { records, offsets } = batch;
    this.#inHand = () => cursor.moveTo(offsets);
    const end = (): void => {
      this.#isLast = true;
    };
    return { source: cursor.name, records: records as readonly Rec[], sinks, rewound, end };
  }

  async #over(isLeftHalfway = false): Promise<void> {
    this.#state = 'over';
    await this.#port.ended({ isLeftHalfway });
  }
}

function enteredTwice(): TidegateError {
  return new TidegateError(
    'TIDEGATE_LIFECYCLE',
    'next() was called while a call of it waits: a loop takes one batch at a time',
  );
}
