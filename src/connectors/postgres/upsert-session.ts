// An idempotent sink in the hands of one generation: rows by key, each epoch in one fenced transaction.

import { TidegateError } from '../../errors.js';
import type { FlushingSinkSession } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { EpochTransaction } from './epoch-transaction.js';
import type { SinkContext } from './sink-context.js';
import { toTrouble } from './trouble.js';

export class UpsertSession<Rec> implements FlushingSinkSession<Rec> {
  readonly #context: SinkContext<Rec>;
  #epoch: EpochTransaction<Rec> | undefined;
  #failure: Error | undefined;

  constructor(context: SinkContext<Rec>) {
    this.#context = context;
  }

  async write(records: readonly Rec[]): Promise<void> {
    this.#throwIfIncomplete();
    this.#epoch ??= new EpochTransaction(this.#context);
    try {
      await this.#epoch.add(records);
    } catch (error) {
      throw this.#fail(error, 'writing to');
    }
  }

  async flush(options: CallOptions): Promise<void> {
    this.#throwIfIncomplete();
    const epoch = this.#epoch;
    if (epoch === undefined) return;
    try {
      await epoch.commit(undefined, options);
    } catch (error) {
      throw this.#fail(error, 'flushing');
    }
    this.#epoch = undefined;
  }

  close(): void {
    this.#failure ??= new Error('the session was closed');
    this.#epoch?.discard();
  }

  #throwIfIncomplete(): void {
    if (this.#failure === undefined) return;
    throw new TidegateError(
      'TIDEGATE_SINK_WRITE_FAILED',
      `sink ${this.#context.owner.sink} lost records of this epoch: ${this.#failure.message}`,
      { cause: this.#failure },
    );
  }

  /** The epoch has a hole from now on: only the next generation may go on. */
  #fail(error: unknown, doing: string): Error {
    this.#epoch?.discard();
    this.#failure = toTrouble(error, `${doing} sink ${this.#context.owner.sink}`);
    return this.#failure;
  }
}
