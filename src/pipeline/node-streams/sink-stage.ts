// The end of a chain: a Writable that hands records to the writer of its generation.

import { Writable } from 'node:stream';
import { assert } from '../../assert.js';
import { toError } from '../../errors.js';
import type { SinkWriter } from '../../contracts/barrier.js';
import type { FlowRun } from '../flow/flow-run.js';
import { MarkChunk } from './mark-chunk.js';
import { placeOf, watchPiping, type Place, type Stage } from './place.js';
import type { StageOptions } from './source-stage.js';

type Callback = (error?: Error | null) => void;

export class SinkStage extends Writable implements Stage {
  readonly [placeOf]: Place;

  constructor(place: Place, { highWaterMark }: StageOptions) {
    super({ objectMode: true, ...(highWaterMark === undefined ? {} : { highWaterMark }) });
    this[placeOf] = place;
    watchPiping(this);
  }

  override _write(chunk: unknown, _encoding: string, callback: Callback): void {
    this.#take([chunk], callback);
  }

  override _writev(chunks: readonly { readonly chunk: unknown }[], callback: Callback): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this[placeOf].destroyed(error);
    callback(error);
  }

  #take(chunks: readonly unknown[], callback: Callback): void {
    const place = this[placeOf];
    const failed = (error: unknown): void => {
      place.state.fail(error);
      callback(toError(error));
    };
    try {
      const run = place.runOf(chunks[0]);
      const rooms = run.isOver ? [] : this.#handOver(run, chunks);
      Promise.all(rooms).then(() => callback(), failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Records between two marks in one call. */
  #handOver(run: FlowRun, chunks: readonly unknown[]): readonly Promise<void>[] {
    const writer = writerOf(run, this[placeOf].name);
    const rooms: Promise<void>[] = [];
    let records: unknown[] = [];
    const flush = (): void => {
      if (records.length > 0) rooms.push(writer.write(records));
      records = [];
    };
    for (const chunk of chunks) {
      if (!(chunk instanceof MarkChunk)) {
        records.push(chunk);
        continue;
      }
      flush();
      this.#meet(run, chunk);
    }
    flush();
    return rooms;
  }

  #meet(run: FlowRun, chunk: MarkChunk): void {
    const place = this[placeOf];
    const { mark } = chunk;
    if (mark.kind !== 'barrier') return;
    if (chunk.isVoidAt(place)) {
      run.countDroppedBarrier();
      return;
    }
    chunk.leaves(place);
    mark.listener.sinkReached(mark.barrier, place.name);
  }
}

function writerOf(run: FlowRun, name: string): SinkWriter {
  const writer = run.writers.get(name);
  assert(writer !== undefined, `generation ${run.generation} has no writer for sink ${name}`);
  return writer;
}
