// A stream that is not ours, wrapped so that no record stays in it while a barrier passes.

import { Duplex, finished } from 'node:stream';
import { TidegateError, toError, type ErrorCode } from '../../errors.js';
import type { CheckpointId } from '../../ids.js';
import { MarkChunk } from './mark-chunk.js';
import { placeOf, watchPiping, type Place, type Stage } from './place.js';
import type { StageOptions } from './source-stage.js';

/**
 * `one-to-one`: the barrier waits until as many records have come out as went in. `per-epoch`: the
 * stream is ended at the barrier, which follows the last of its output; the next record begins a new
 * one. Either way nothing is handed to the stream meanwhile.
 */
export type Wrapping =
  | { readonly kind: 'one-to-one'; readonly stream: Duplex }
  | { readonly kind: 'per-epoch'; readonly create: () => Duplex };

type Callback = (error?: Error | null) => void;

export class ForeignStage extends Duplex implements Stage {
  readonly [placeOf]: Place;
  readonly #wrapping: Wrapping;
  #inner: Duplex | undefined;
  #isEnding = false;
  #taken = 0;
  #given = 0;
  /** A mark that waits for what is in the stream, and lets the records behind it wait. */
  #waiting: { readonly chunk: MarkChunk; readonly callback: Callback } | undefined;

  constructor(place: Place, wrapping: Wrapping, { highWaterMark }: StageOptions) {
    super({ objectMode: true, ...(highWaterMark === undefined ? {} : { highWaterMark }) });
    this[placeOf] = place;
    this.#wrapping = wrapping;
    watchPiping(this);
    if (wrapping.kind === 'one-to-one') this.#open(wrapping.stream);
  }

  override pipe<To extends NodeJS.WritableStream>(to: To, options?: { end?: boolean }): To {
    this[placeOf].leadsTo(to);
    return super.pipe(to, options);
  }

  /** How many records are in the stream; undefined where it need not give one for one. */
  get heldRecords(): number | undefined {
    return this.#wrapping.kind === 'one-to-one' ? this.#taken - this.#given : undefined;
  }

  /** An abandoned barrier waits no more; one that has ended the stream waits for its output. */
  cancel(checkpointId: CheckpointId): void {
    const { mark } = this.#waiting?.chunk ?? {};
    if (mark?.kind !== 'barrier' || mark.barrier.checkpointId > checkpointId) return;
    if (!this.#isEnding) this.#letPass();
  }

  override _read(): void {
    this.#inner?.resume();
  }

  override _write(chunk: unknown, _encoding: string, callback: Callback): void {
    try {
      const run = this[placeOf].runOf(chunk);
      if (run.isOver) callback();
      else if (chunk instanceof MarkChunk) this.#takeMark(chunk, callback);
      else this.#takeRecord(chunk, callback);
    } catch (error) {
      this.#fail(error, callback);
    }
  }

  override _final(callback: Callback): void {
    this.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this[placeOf].destroyed(error);
    this.#inner?.destroy();
    callback(error);
  }

  #takeRecord(record: unknown, callback: Callback): void {
    if (this.#inner === undefined && this.#wrapping.kind === 'per-epoch') {
      this.#open(this.#wrapping.create());
    }
    const inner = this.#inner;
    if (inner === undefined) throw this.#broken('got a record after its end');
    this.#taken += 1;
    if (inner.write(record)) callback();
    else inner.once('drain', () => callback());
  }

  #takeMark(chunk: MarkChunk, callback: Callback): void {
    this.#waiting = { chunk, callback };
    const isLast = chunk.mark.kind === 'end' || this.#wrapping.kind === 'per-epoch';
    if (this.#inner !== undefined && isLast) {
      // At the end of the input also of a one-to-one stream: what it holds back comes out, or shows.
      this.#isEnding = true;
      this.#inner.end();
    } else this.#passWhenEmpty();
  }

  #open(inner: Duplex): void {
    this.#inner = inner;
    this.#isEnding = false;
    inner.on('data', (output: unknown) => this.#receive(inner, output));
    finished(inner, (error) => {
      if (this.#inner !== inner || this.destroyed) return;
      if (error === undefined || error === null) this.#ended();
      else this.#fail(this.#broken(`failed: ${error.message}`, error));
    });
    // Also when everything is over: an error without a listener ends the process.
    inner.on('error', () => undefined);
  }

  #receive(inner: Duplex, output: unknown): void {
    if (this.#inner !== inner || this[placeOf].state.run?.isOver !== false) return;
    this.#given += 1;
    if (this.#wrapping.kind === 'one-to-one' && this.#given > this.#taken) {
      this.#fail(this.#miscounted());
      return;
    }
    if (!this.push(output)) inner.pause();
    if (!this.#isEnding) this.#passWhenEmpty();
  }

  #ended(): void {
    if (!this.#isEnding) {
      this.#fail(this.#broken('has ended by itself'));
      return;
    }
    this.#inner = undefined;
    this.#isEnding = false;
    if (this.heldRecords === undefined || this.heldRecords === 0) this.#letPass();
    else this.#fail(this.#miscounted());
  }

  #passWhenEmpty(): void {
    if (this.#inner === undefined || this.heldRecords === 0) this.#letPass();
  }

  #letPass(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    const place = this[placeOf];
    if (waiting.chunk.isVoidAt(place)) place.state.run?.countDroppedBarrier();
    else {
      waiting.chunk.leaves(place);
      this.push(waiting.chunk);
    }
    waiting.callback();
  }

  #miscounted(): TidegateError {
    return this.#error(
      'TIDEGATE_STREAM_COUNT',
      `gave ${this.#given} record(s) for ${this.#taken}, and was wrapped as one that gives each its own`,
    );
  }

  #broken(what: string, cause?: unknown): TidegateError {
    return this.#error('TIDEGATE_STREAM_FAILED', what, cause);
  }

  #error(code: ErrorCode, what: string, cause?: unknown): TidegateError {
    const message = `the stream wrapped as ${this[placeOf].title} ${what}`;
    return new TidegateError(code, message, cause === undefined ? {} : { cause });
  }

  #fail(error: unknown, callback?: Callback): void {
    this[placeOf].state.fail(error);
    if (callback === undefined) this.destroy(toError(error));
    else callback(toError(error));
  }
}
