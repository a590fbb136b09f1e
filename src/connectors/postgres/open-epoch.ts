// The epoch that a sink is being given records of: its transaction, and the failure that made a hole in it.

import { requireRecords } from '../../contracts/records.js';
import { throwIfIncomplete } from '../incomplete-epoch.js';
import { EpochTransaction } from './epoch-transaction.js';
import type { SinkContext } from './sink-context.js';
import { toTrouble } from './trouble.js';

export class OpenEpoch<Rec> {
  readonly #context: SinkContext<Rec>;
  #transaction: EpochTransaction<Rec> | undefined;
  #failure: Error | undefined;

  constructor(context: SinkContext<Rec>) {
    this.#context = context;
  }

  /** Undefined while nothing has been written. */
  get transaction(): EpochTransaction<Rec> | undefined {
    return this.#transaction;
  }

  /** The epoch's transaction, also of an empty epoch. */
  begun(): EpochTransaction<Rec> {
    this.#transaction ??= new EpochTransaction(this.#context);
    return this.#transaction;
  }

  async write(records: readonly Rec[]): Promise<void> {
    this.throwIfIncomplete();
    try {
      requireRecords(this.#context.owner.sink, records);
      await this.begun().add(records);
    } catch (error) {
      throw this.fail(error, 'writing to');
    }
  }

  throwIfIncomplete(): void {
    throwIfIncomplete(this.#context.owner.sink, this.#failure);
  }

  /** The transaction goes its own way: the next record is of the next epoch. */
  handOver(): void {
    this.#transaction = undefined;
  }

  /** The epoch has a hole from now on: only the next generation may go on. */
  fail(error: unknown, doing: string): Error {
    this.#transaction?.discard();
    this.#failure = toTrouble(error, `${doing} sink ${this.#context.owner.sink}`);
    return this.#failure;
  }

  close(): void {
    this.#failure ??= new Error('the session was closed');
    this.#transaction?.discard();
    this.#context.leave();
  }
}
