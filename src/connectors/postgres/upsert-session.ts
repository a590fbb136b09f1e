// An idempotent sink in the hands of one generation: rows by key, each epoch in one fenced transaction.

import type { FlushingSinkSession, RecordForm } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { OpenEpoch } from './open-epoch.js';
import type { SinkContext } from './sink-context.js';

export class UpsertSession<Rec> implements FlushingSinkSession<Rec> {
  readonly recordForm: RecordForm<Rec> | undefined;
  readonly #open: OpenEpoch<Rec>;

  constructor(context: SinkContext<Rec>) {
    this.recordForm = context.recordForm;
    this.#open = new OpenEpoch(context);
  }

  write(records: readonly Rec[]): Promise<void> {
    return this.#open.write(records);
  }

  async flush(options: CallOptions): Promise<void> {
    this.#open.throwIfIncomplete();
    const epoch = this.#open.transaction;
    if (epoch === undefined) return;
    try {
      await epoch.commit(undefined, options);
    } catch (error) {
      throw this.#open.fail(error, 'flushing');
    }
    this.#open.handOver();
  }

  close(): void {
    this.#open.close();
  }
}
