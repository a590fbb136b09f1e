// Reads one source in one generation, and puts barriers between its batches.

import type { Barrier, CutListener } from '../../contracts/barrier.js';
import type {
  CallOptions,
  SourceBatch,
  SourceInput,
  SourcePartition,
} from '../../contracts/source.js';
import { requireBatch } from '../../contracts/source-position.js';
import { SourceRetries } from '../../coordinator/dataflow/source-retries.js';
import { isTidegateError, TidegateError, toError } from '../../errors.js';
import { bytesOf } from '../../runtime/record-bytes.js';
import type { Receiver, Room } from './elements.js';
import type { FlowRun, Reader } from './flow-run.js';
import type { RecordErrors } from './record-errors.js';
import type { SourceCursor } from './source-cursor.js';
import type { SourceTimes } from './source-times.js';

export interface SourceReaderOptions {
  readonly run: FlowRun;
  readonly cursor: SourceCursor;
  readonly times: SourceTimes;
  readonly output: Receiver;
  readonly errors: RecordErrors;
  readonly kind: 'source' | 'table';
  /** Called with the number of records that were handed on. */
  readonly counted: (records: number) => void;
  /** Called with what a batch was made of, where the source reads lines. */
  readonly readLines: (input: SourceInput) => void;
}

/** A larger batch is sent on in pieces of this size, so that nothing waits long behind it. */
const maxPieceRecords = 1_024;

/** Also of this many estimated bytes, so that a queue is not passed by far. */
const maxPieceBytes = 1_048_576;

export class SourceReader implements Reader {
  readonly #options: SourceReaderOptions;
  /** The records handed out so far end at the cursor: a barrier may follow them. */
  #isBetweenBatches = true;
  #retries: SourceRetries | undefined;
  /** Attempts that wait for the end of a batch: one at most, unless it was abandoned. */
  readonly #waiting: { readonly barrier: Barrier; readonly listener: CutListener }[] = [];

  constructor(options: SourceReaderOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.cursor.name;
  }

  get pause(): 'idle' | 'waiting' | 'retrying' | undefined {
    return this.#retries?.isAway === true ? 'retrying' : this.#options.times.pause;
  }

  inject(barrier: Barrier, listener: CutListener): void {
    if (this.#isBetweenBatches) this.#send(barrier, listener);
    else this.#waiting.push({ barrier, listener });
  }

  /** @throws TidegateError `TIDEGATE_SOURCE_FAILED`, naming the source. */
  async read(): Promise<void> {
    const { cursor, times } = this.#options;
    try {
      await this.#read();
    } catch (error) {
      throw isTidegateError(error) ? error : sourceFailed(cursor.name, error);
    } finally {
      times.stopsWaiting();
    }
  }

  async #read(): Promise<void> {
    const { cursor, output } = this.#options;
    if (cursor.watermark > Number.NEGATIVE_INFINITY) {
      output.mark({ kind: 'watermark', time: cursor.watermark });
    }
    if (cursor.hasEnded) output.mark({ kind: 'end' });
    else await this.#readOn();
  }

  /** The source's position may be ahead of what it has handed out: the cursor's is not. */
  async #readOn(): Promise<void> {
    const { cursor, output, times } = this.#options;
    // Also before the first batch: it may have been ahead when the last checkpoint was taken.
    if (!(await times.turnCame())) return;
    times.waits();
    if (!(await this.#readThrough())) return;
    // A table may have more rows at the next start: only a stream's end is final.
    if (this.#options.kind === 'source') cursor.end();
    times.moved();
    output.mark({ kind: 'end' });
  }

  /** Until the end of the input, behind failures that pass; false when the run is over. */
  async #readThrough(): Promise<boolean> {
    const { run, cursor } = this.#options;
    const goBack = (call: CallOptions): Promise<void> => cursor.goBack(call);
    const { patience, signal } = run;
    const retries = new SourceRetries({ source: cursor.name, goBack, patience, signal });
    this.#retries = retries;
    for (;;) {
      const reading = { isHandingOut: false };
      try {
        return await this.#readOnce(retries, reading);
      } catch (error) {
        if (reading.isHandingOut || run.isOver) throw error;
        await retries.failed(error);
        if (signal.aborted) return false;
      }
    }
  }

  /** One iteration of the source. */
  async #readOnce(retries: SourceRetries, reading: { isHandingOut: boolean }): Promise<boolean> {
    const { run, cursor, times } = this.#options;
    const { signal } = run;
    retries.begins();
    for await (const batch of cursor.source.read({ signal })) {
      if (run.isOver) return false;
      retries.answered();
      reading.isHandingOut = true;
      requireBatch(cursor.name, batch);
      // A source that hands out empty batches has been silent all the same.
      if (batch.records.length > 0) times.stopsWaiting();
      const passing = this.#pass(batch, 0);
      // Nothing to wait for, most often: a promise for each batch costs more than a small batch.
      if (!(typeof passing === 'boolean' ? passing : await passing)) return false;
      const turn = times.turnCame();
      if (!(typeof turn === 'boolean' ? turn : await turn)) return false;
      times.waits();
      reading.isHandingOut = false;
    }
    times.stopsWaiting();
    retries.answered();
    // A source that was asked to stop ends in the same way as one that has no more.
    return !run.isOver;
  }

  /** Hands the batch on from the record `start`; false when the run is over by then. */
  #pass(batch: SourceBatch<unknown>, start: number): boolean | Promise<boolean> {
    const { run, cursor } = this.#options;
    const { records, offsets } = batch;
    this.#isBetweenBatches = false;
    if (start === 0 && batch.input !== undefined) this.#options.readLines(batch.input);
    const pieceRecords = pieceOf(records);
    for (let begin = start; ; begin += pieceRecords) {
      const end = begin + pieceRecords;
      const isLast = end >= records.length;
      const piece = begin === 0 && isLast ? records : records.slice(begin, end);
      const room = this.#push(piece, batch.partition);
      if (isLast) {
        cursor.moveTo(offsets);
        this.#reachBoundary();
      }
      if (room !== undefined || run.slice.isSpent()) {
        const breathing = this.#breathe(room);
        return isLast ? breathing : breathing.then((isOn) => isOn && this.#pass(batch, end));
      }
      if (isLast || run.isOver) return !run.isOver;
    }
  }

  #push(records: readonly unknown[], partition: SourcePartition | undefined): Room {
    const { output, times, errors } = this.#options;
    if (records.length === 0) {
      if (partition !== undefined) times.listed(partition);
      return undefined;
    }
    this.#options.counted(records.length);
    return errors.flush(output.accept(times.stamp(records, partition)));
  }

  /** Waits for room and for the others' turn; false when the run is over by then. */
  async #breathe(room: Room): Promise<boolean> {
    const { run } = this.#options;
    if (room !== undefined) await room;
    if (!run.isOver && run.slice.isSpent()) await run.slice.pass();
    return !run.isOver;
  }

  #reachBoundary(): void {
    this.#isBetweenBatches = true;
    for (const { barrier, listener } of this.#waiting.splice(0)) this.#send(barrier, listener);
  }

  #send(barrier: Barrier, listener: CutListener): void {
    const { cursor, output, kind, run } = this.#options;
    if (run.isOver || run.isVoid(barrier.checkpointId)) return;
    const position = cursor.position();
    if (kind === 'source') listener.sourceReached(barrier, cursor.name, position);
    else listener.tableReached(barrier, cursor.name, position);
    output.mark({ kind: 'barrier', barrier, listener });
  }
}

/** Records in a piece of this batch. */
function pieceOf(records: readonly unknown[]): number {
  const bytes = bytesOf(records);
  if (bytes <= maxPieceBytes) return maxPieceRecords;
  const fitting = Math.floor((maxPieceBytes / bytes) * records.length);
  return Math.min(Math.max(fitting, 1), maxPieceRecords);
}

function sourceFailed(source: string, error: unknown): TidegateError {
  return new TidegateError(
    'TIDEGATE_SOURCE_FAILED',
    `source ${source} failed while it was read: ${toError(error).message}`,
    { cause: error, details: { source } },
  );
}
