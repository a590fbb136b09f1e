// A sink's writer in one generation: passes records on, and holds those of the next epoch back.

import { assert } from '../../assert.js';
import { requireRecords } from '../../contracts/records.js';
import { TidegateError, toError } from '../../errors.js';
import { roomAtOnce, type SinkWriter } from '../../contracts/barrier.js';
import type { Generation } from '../../ids.js';
import { bytesOf } from '../../runtime/record-bytes.js';

/**
 * ```
 * passing ──hold()──▶ holding ──release()──▶ passing
 *    any ──fail()──▶ failed               a failure: records are dropped, the sources go back
 *    any ──fence()──▶ fenced              an older generation: writing is a mistake of the caller
 * ```
 */
type Mode = 'passing' | 'holding' | 'failed' | 'fenced';

export interface BufferedSinkWriterOptions {
  readonly sink: string;
  readonly generation: Generation;
  /** Records that wait for the sink before `write` makes its caller wait too. */
  readonly maxQueuedRecords: number;
  /** Estimated bytes of them. */
  readonly maxQueuedBytes: number;
  readonly write: (records: readonly unknown[]) => void | Promise<void>;
  /** A write failed: the epoch can no longer be committed. */
  readonly failed: (error: unknown) => void;
}

interface Batch {
  readonly records: readonly unknown[];
  /** Measured when it has to wait: most are with the sink at once. */
  bytes: number | undefined;
}

export class BufferedSinkWriter implements SinkWriter {
  readonly #options: BufferedSinkWriterOptions;
  #mode: Mode = 'passing';
  /** Records of the open epoch that wait for the sink. */
  #queue: Batch[] = [];
  /** Records behind the barrier. */
  #held: Batch[] = [];
  #waitingRecords = 0;
  #waitingBytes = 0;
  #isWriting = false;
  #roomWaiters: (() => void)[] = [];
  #quietWaiters: (() => void)[] = [];
  #writtenCount = 0;
  #countAtBarrier = 0;
  #completeCount = 0;

  constructor(options: BufferedSinkWriterOptions) {
    this.#options = options;
  }

  /** Calls of `write` in this generation. */
  get writtenCount(): number {
    return this.#writtenCount;
  }

  /** Whether a record was written that is in no complete checkpoint. */
  get hasNews(): boolean {
    return this.#writtenCount !== this.#completeCount;
  }

  /** The checkpoint of the last barrier is complete. */
  markComplete(): void {
    this.#completeCount = this.#countAtBarrier;
  }

  write(records: readonly unknown[]): Promise<void> {
    if (this.#mode === 'fenced') return Promise.reject(this.#fencedError());
    try {
      requireRecords(this.#options.sink, records);
    } catch (error) {
      // Somebody may pass over the rejection: what was meant to be written is missing in this epoch.
      this.#fail(error);
      return Promise.reject(toError(error));
    }
    if (records.length === 0 || this.#mode === 'failed') return roomAtOnce;
    this.#writtenCount += 1;
    // A copy: the caller may use its array again while these records wait.
    const batch: Batch = { records: records.slice(), bytes: undefined };
    if (this.#mode === 'holding') {
      this.#count(batch);
      this.#held.push(batch);
    } else {
      if (this.#isWriting) this.#count(batch);
      this.#queue.push(batch);
      if (!this.#isWriting) this.#pump();
    }
    return this.#room();
  }

  /** The barrier has passed: what comes now belongs to the next epoch. */
  hold(): void {
    if (this.#isOver()) return;
    assert(this.#mode !== 'holding', `sink ${this.#options.sink} meets a second barrier`);
    this.#countAtBarrier = this.#writtenCount;
    this.#setMode('holding');
  }

  /** The sink can take the next epoch. Repeated calls do nothing. */
  release(): void {
    if (this.#mode !== 'holding') return;
    this.#setMode('passing');
    // One by one: as arguments of one call a hundred thousand batches overflow the stack.
    for (const batch of this.#held) this.#queue.push(batch);
    this.#held = [];
    if (!this.#isWriting) this.#pump();
  }

  /** Settles when every record before the barrier is with the sink. */
  quiet(): Promise<void> {
    if (!this.#isWriting && this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#quietWaiters.push(resolve);
    });
  }

  /** The generation has failed: drop everything; the next safe point of the loop answers `rewound`. */
  fail(): void {
    if (!this.#isOver()) this.#setMode('failed');
    this.#dropAll();
  }

  /** The generation is over: a writer that the caller kept must not write into the new one. */
  fence(): void {
    this.#setMode('fenced');
    this.#dropAll();
  }

  #setMode(mode: Mode): void {
    this.#mode = mode;
  }

  #isOver(): boolean {
    return this.#mode === 'failed' || this.#mode === 'fenced';
  }

  #pump(): void {
    while (this.#queue.length > 0) {
      const batch = this.#queue.shift();
      if (batch === undefined) break;
      let writing: void | Promise<void>;
      try {
        writing = this.#options.write(batch.records);
      } catch (error) {
        this.#fail(error);
        return;
      }
      if (writing !== undefined) {
        this.#isWriting = true;
        this.#count(batch);
        writing.then(
          () => this.#written(batch),
          (error: unknown) => this.#fail(error),
        );
        return;
      }
      this.#discount(batch);
    }
    this.#settle();
  }

  #count(batch: Batch): void {
    if (batch.bytes !== undefined) return;
    batch.bytes = bytesOf(batch.records);
    this.#waitingRecords += batch.records.length;
    this.#waitingBytes += batch.bytes;
  }

  #discount({ records, bytes }: Batch): void {
    if (bytes === undefined) return;
    this.#waitingRecords -= records.length;
    this.#waitingBytes -= bytes;
  }

  #written(batch: Batch): void {
    this.#isWriting = false;
    if (this.#isOver()) return;
    this.#discount(batch);
    this.#pump();
  }

  #fail(error: unknown): void {
    this.#isWriting = false;
    if (this.#isOver()) return;
    this.fail();
    this.#options.failed(error);
  }

  #dropAll(): void {
    this.#queue = [];
    this.#held = [];
    this.#waitingRecords = 0;
    this.#waitingBytes = 0;
    this.#settle();
  }

  /** A batch that fits by itself is taken when nothing waits, however large it is. */
  #room(): Promise<void> {
    if (this.#hasRoom()) return roomAtOnce;
    return new Promise((resolve) => {
      this.#roomWaiters.push(resolve);
    });
  }

  #hasRoom(): boolean {
    const { maxQueuedRecords, maxQueuedBytes } = this.#options;
    return this.#waitingRecords <= maxQueuedRecords && this.#waitingBytes <= maxQueuedBytes;
  }

  #settle(): void {
    if (this.#roomWaiters.length > 0 && this.#hasRoom()) {
      for (const resolve of this.#roomWaiters.splice(0)) resolve();
    }
    if (this.#quietWaiters.length > 0 && this.#queue.length === 0 && !this.#isWriting) {
      for (const resolve of this.#quietWaiters.splice(0)) resolve();
    }
  }

  #fencedError(): TidegateError {
    const { sink, generation } = this.#options;
    return new TidegateError(
      'TIDEGATE_FENCED',
      `the writer of sink ${sink} belongs to generation ${generation}, which is over: ` +
        'take the writers from the newest safe point',
      { details: { sink, generation } },
    );
  }
}
