// The beginning of a chain: records of a source, and barriers between them, as a Readable.

import { Readable } from 'node:stream';
import type { CheckpointId } from '../../ids.js';
import type { Batch, Mark, Receiver, Room } from '../flow/elements.js';
import { MarkChunk } from './mark-chunk.js';
import { placeOf, watchPiping, type Place, type Stage } from './place.js';
import { nullRecord } from './stream-errors.js';

/** Options that stages share. */
export interface StageOptions {
  /** Records that wait in this stream before the one before it has to. Default: as Node has it. */
  readonly highWaterMark?: number;
}

export class SourceStage extends Readable implements Receiver, Stage {
  readonly [placeOf]: Place;
  /** Handed out by the source and not in the stream's buffer yet: one batch at most, and marks. */
  #pending: unknown[] = [];
  #sent = 0;
  #hasRoom = false;
  #isClosed = false;
  #roomWaiters: (() => void)[] = [];

  constructor(place: Place, { highWaterMark }: StageOptions) {
    super({ objectMode: true, ...(highWaterMark === undefined ? {} : { highWaterMark }) });
    this[placeOf] = place;
    watchPiping(this);
  }

  /** The next batch is read when this one is in the buffer, and the buffer has room. */
  accept({ records }: Batch): Room {
    for (const record of records) {
      if (record === null) throw nullRecord(this[placeOf]);
      this.#pending.push(record);
    }
    this.#send();
    // Also when sending them has ended the generation: a waiter would never be resolved.
    if (this.#isClosed || this.#isQuiet()) return undefined;
    return new Promise((resolve) => {
      this.#roomWaiters.push(resolve);
    });
  }

  mark(mark: Mark): void {
    if (mark.kind !== 'barrier' && mark.kind !== 'end') return;
    this.#pending.push(new MarkChunk(mark));
    this.#send();
  }

  /** The barrier of an abandoned attempt must not wait here for a reader that never comes. */
  cancel(checkpointId: CheckpointId): void {
    const isVoid = (chunk: unknown): boolean =>
      chunk instanceof MarkChunk &&
      chunk.mark.kind === 'barrier' &&
      chunk.mark.barrier.checkpointId <= checkpointId;
    this.#pending = this.#pending.slice(this.#sent).filter((chunk) => !isVoid(chunk));
    this.#sent = 0;
    this.#letRead();
  }

  /** The generation is over: waiters are released, and what was not sent is dropped. */
  close(): void {
    this.#isClosed = true;
    this.#pending = [];
    this.#sent = 0;
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }

  override pipe<To extends NodeJS.WritableStream>(to: To, options?: { end?: boolean }): To {
    this[placeOf].leadsTo(to);
    return super.pipe(to, options);
  }

  override _read(): void {
    this.#hasRoom = true;
    this.#send();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this[placeOf].destroyed(error);
    callback(error);
  }

  #send(): void {
    while (this.#hasRoom && this.#sent < this.#pending.length) {
      const chunk = this.#pending[this.#sent];
      this.#sent += 1;
      if (chunk instanceof MarkChunk) chunk.leaves(this[placeOf]);
      this.#hasRoom = this.push(chunk);
    }
    if (this.#sent === this.#pending.length) {
      this.#pending = [];
      this.#sent = 0;
    }
    this.#letRead();
  }

  #isQuiet(): boolean {
    return this.#hasRoom && this.#sent === this.#pending.length;
  }

  #letRead(): void {
    if (this.#roomWaiters.length === 0 || !this.#isQuiet()) return;
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }
}
