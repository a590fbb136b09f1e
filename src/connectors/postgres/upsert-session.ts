// An idempotent sink in the hands of one generation: rows by key, each epoch in one fenced transaction.

import type { FlushingSinkSession, RecordForm } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { fenced } from './fence.js';
import { listPrepared } from './inspector.js';
import { OpenEpoch } from './open-epoch.js';
import { rollbackPrepared } from './prepared-transactions.js';
import { withSession } from './session-use.js';
import type { SinkContext } from './sink-context.js';

export class UpsertSession<Rec> implements FlushingSinkSession<Rec> {
  readonly recordForm: RecordForm<Rec> | undefined;
  readonly #context: SinkContext<Rec>;
  readonly #open: OpenEpoch<Rec>;
  #isRidOfPrepared = false;
  readonly #life = new AbortController();

  constructor(context: SinkContext<Rec>) {
    this.recordForm = context.recordForm;
    this.#context = context;
    this.#open = new OpenEpoch(context);
  }

  async write(records: readonly Rec[]): Promise<void> {
    this.#open.throwIfIncomplete();
    try {
      await this.#discardPrepared();
    } catch (error) {
      throw this.#open.fail(error, 'writing to');
    }
    await this.#open.write(records);
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

  /**
   * What a two-phase sink left prepared under this name would lock its rows for good. Not before the
   * first record: recovery has decided by then, and refuses to go on while a manifest in doubt
   * names such a transaction.
   */
  async #discardPrepared(): Promise<void> {
    if (this.#isRidOfPrepared) return;
    const { driver, catalog, owner } = this.#context;
    const what = `rolling back what sink ${owner.sink} left prepared`;
    const options = { signal: this.#life.signal };
    const left = await withSession(driver, what, options, (one) => listPrepared(one, owner));
    if (left.length > 0) {
      await fenced(driver, { catalog, owner, what }, options, (one) =>
        rollbackPrepared(one, this.#context, []),
      );
    }
    this.#isRidOfPrepared = true;
  }

  close(): void {
    this.#life.abort(new Error('the session was closed'));
    this.#open.close();
  }
}
