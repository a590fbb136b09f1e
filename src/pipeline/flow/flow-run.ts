// The dataflow of one generation: everything that moves, and the one switch that stops it.

import type { CutListener, Barrier, SinkWriter, SourcePatience } from '../../contracts/barrier.js';
import type { CheckpointId, Generation } from '../../ids.js';
import { sharedAbort } from '../../runtime/abort.js';
import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import { TimeSlice } from './time-slice.js';

/** Something that reads: a source or a reference table. */
export interface Reader {
  /** Under which its cursor is known. */
  readonly name: string;
  /** What it does between two batches, for people who watch. */
  readonly pause: 'idle' | 'waiting' | 'retrying' | undefined;
  /** Settles at the end of the input, or when the run is over. */
  read(): Promise<void>;
  /** Sends the barrier after the records handed out so far. */
  inject(barrier: Barrier, listener: CutListener): void;
}

/** Something that holds elements back. */
export interface Holder {
  cancel(checkpointId: CheckpointId): void;
  clear(): void;
}

export interface FlowRunOptions {
  readonly generation: Generation;
  readonly writers: ReadonlyMap<string, SinkWriter>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Estimated bytes that wait in one queue before its producer has to. */
  readonly maxQueuedBytes: number;
  /** How a source that is away is waited for; undefined: not at all. */
  readonly patience?: SourcePatience | undefined;
  readonly failed: (error: unknown) => void;
}

/** How long readers work before timers and I/O get a turn. */
const readerSliceMs = 4;

/**
 * Nothing of a run outlives it: queues, readers and stages are made for it and dropped with it, so
 * that no record of an old generation can leak into the next one.
 */
export class FlowRun {
  readonly generation: Generation;
  readonly writers: ReadonlyMap<string, SinkWriter>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxQueuedBytes: number;
  readonly patience: SourcePatience | undefined;
  readonly slice: TimeSlice;
  readonly #failed: (error: unknown) => void;
  readonly #ended = sharedAbort();
  readonly #inboxes: Holder[] = [];
  readonly #activities = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  /** Barriers up to this id are void. Ids only grow, and one attempt at a time is without its cut. */
  #voidThrough = 0;
  #droppedBarriers = 0;

  constructor(options: FlowRunOptions) {
    this.generation = options.generation;
    this.writers = options.writers;
    this.clock = options.clock;
    this.logger = options.logger;
    this.maxQueuedBytes = options.maxQueuedBytes;
    this.patience = options.patience;
    this.slice = new TimeSlice(options.clock, readerSliceMs);
    this.#failed = options.failed;
  }

  /** Failed, or ended: code that resumes after a wait must check it, and do nothing more. */
  get isOver(): boolean {
    return this.#failure !== undefined || this.#ended.signal.aborted;
  }

  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get droppedBarriers(): number {
    return this.#droppedBarriers;
  }

  addInbox(inbox: Holder): void {
    this.#inboxes.push(inbox);
  }

  /**
   * A record was processed half: no cut may be taken, and nothing may move, until recovery
   * has put everything back.
   */
  fail(error: unknown): void {
    if (this.isOver) return;
    this.#failure = { error };
    this.#failed(error);
  }

  /** Runs a piece of work whose exception would otherwise be uncaught. */
  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Something that goes on by itself: `end` waits for it. */
  track(activity: Promise<void>): void {
    const tracked = activity
      .catch((error: unknown) => this.fail(error))
      .finally(() => this.#activities.delete(tracked));
    this.#activities.add(tracked);
  }

  isVoid(checkpointId: CheckpointId): boolean {
    return checkpointId <= this.#voidThrough;
  }

  countDroppedBarrier(): void {
    this.#droppedBarriers += 1;
  }

  cancel(checkpointId: CheckpointId): void {
    this.#voidThrough = Math.max(this.#voidThrough, checkpointId);
    for (const inbox of this.#inboxes) this.guard(() => inbox.cancel(checkpointId));
  }

  /** Settles when nothing moves. */
  async end(): Promise<void> {
    this.#ended.abort(new Error(`generation ${this.generation} is over`));
    for (const inbox of this.#inboxes) inbox.clear();
    while (this.#activities.size > 0) await Promise.all(this.#activities);
  }
}
