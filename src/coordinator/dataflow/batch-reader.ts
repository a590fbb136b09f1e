// Reads one source for a loop over batches: one batch ahead at most, and behind failures that pass.

import type { SourcePatience } from '../../contracts/barrier.js';
import { requireBatch } from '../../contracts/source-position.js';
import type { CallOptions, Offsets, ReadableSource, SourceBatch } from '../../contracts/source.js';
import { isTidegateError, TidegateError, toError } from '../../errors.js';
import { sharedAbort } from '../../runtime/abort.js';
import type { LoopSource } from './loop-source.js';
import { SourceRetries } from './source-retries.js';

export interface BatchReaderOptions {
  readonly cursor: LoopSource;
  readonly source: ReadableSource;
  readonly patience: SourcePatience;
  /** It cannot be read on: only recovery can mend it. */
  readonly failed: (error: unknown) => void;
  /** There is a batch, or the input has ended, or the reading has. */
  readonly changed: () => void;
}

export class BatchReader {
  readonly name: string;
  readonly #options: BatchReaderOptions;
  #ready: SourceBatch<unknown> | undefined;
  #hasEnded = false;
  #iterator: AsyncIterator<SourceBatch<unknown>> | undefined;
  #reading: Promise<void> | undefined;
  #life = sharedAbort();
  #retries: SourceRetries;
  /** Behind the last batch that was read, which the loop may not have processed. */
  #readTo: Offsets | undefined;

  constructor(options: BatchReaderOptions) {
    this.#options = options;
    this.name = options.cursor.name;
    this.#retries = this.#newRetries();
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get isReady(): boolean {
    return this.#ready !== undefined;
  }

  /** Reads the next batch, where it is not under way or there; `changed` tells when that is over. */
  ask(): void {
    if (this.#ready !== undefined || this.#hasEnded) return;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
      this.#options.changed();
    });
  }

  take(): SourceBatch<unknown> | undefined {
    const batch = this.#ready;
    this.#ready = undefined;
    return batch;
  }

  /** What was read and not taken is dropped: the source is put back, or nothing is read any more. */
  async end(): Promise<void> {
    this.#life.abort(new Error(`the reading of source ${this.name} is over`));
    await this.#reading;
    const iterator = this.#iterator;
    this.#iterator = undefined;
    // What it says when it is closed must not hide why it is.
    await iterator?.return?.().catch(() => undefined);
    this.#ready = undefined;
    this.#hasEnded = false;
    this.#readTo = undefined;
    this.#life = sharedAbort();
    this.#retries = this.#newRetries();
  }

  async #read(): Promise<void> {
    const { signal } = this.#life;
    try {
      while (!signal.aborted && !(await this.#readOnce(signal)));
    } catch (error) {
      if (!signal.aborted) this.#options.failed(sourceFailed(this.name, error));
    }
  }

  /** False when it has failed in a way that passes, and can be read anew. */
  async #readOnce(signal: AbortSignal): Promise<boolean> {
    let step: IteratorResult<SourceBatch<unknown>, unknown>;
    try {
      const iterator = this.#iterator ?? (await this.#begin(signal));
      step = await iterator.next();
    } catch (error) {
      this.#iterator = undefined;
      if (signal.aborted) throw error;
      await this.#retries.failed(error);
      return false;
    }
    this.#retries.answered();
    if (signal.aborted) return true;
    if (step.done === true) this.#hasEnded = true;
    else this.#take(step.value);
    return true;
  }

  async #begin(signal: AbortSignal): Promise<AsyncIterator<SourceBatch<unknown>>> {
    const { cursor, source } = this.#options;
    await cursor.begin();
    this.#retries.begins();
    const iterator = source.read({ signal })[Symbol.asyncIterator]();
    this.#iterator = iterator;
    return iterator;
  }

  #take(batch: SourceBatch<unknown>): void {
    requireBatch(this.name, batch);
    this.#readTo = batch.offsets;
    this.#ready = batch;
  }

  #newRetries(): SourceRetries {
    const { cursor, patience } = this.#options;
    const { signal } = this.#life;
    const goBack = async (call: CallOptions): Promise<void> => {
      const offsets = this.#readTo ?? cursor.offsets;
      if (offsets !== undefined) await cursor.goBack(offsets, call);
    };
    return new SourceRetries({ source: this.name, goBack, patience, signal });
  }
}

function sourceFailed(source: string, error: unknown): unknown {
  if (isTidegateError(error)) return error;
  return new TidegateError(
    'TIDEGATE_SOURCE_FAILED',
    `source ${source} failed while it was read: ${toError(error).message}`,
    { cause: error, details: { source } },
  );
}
