// What happens to a record that makes an operator throw.

import { assertNever } from '../../assert.js';
import { hasErrorCode, TidegateError, toError } from '../../errors.js';
import { isPromise, promiseGiven } from '../promises.js';
import { bothRooms, type Receiver, type Room } from './elements.js';

/**
 * `fail` the run: recovery tries again, and halts when it meets the same record each time; `skip`
 * and count; `dead-letter`: the record goes to the stream's `deadLetters`.
 */
export type ErrorPolicy = 'fail' | 'skip' | 'dead-letter';

/** A record that could not be processed, as it arrives at a sink for such records. */
export interface DeadLetter<Rec = unknown> {
  readonly operator: string;
  readonly record: Rec;
  /** Message of what was thrown. */
  readonly error: string;
}

export interface RecordErrorsOptions {
  readonly operator: string;
  readonly policy: ErrorPolicy;
  readonly deadLetters: Receiver;
  /** Called for every record that is left out. */
  readonly leftOut: (operator: string, how: 'skipped' | 'dead-lettered') => void;
}

export class RecordErrors {
  readonly #options: RecordErrorsOptions;
  #letters: DeadLetter[] = [];

  constructor(options: RecordErrorsOptions) {
    this.#options = options;
  }

  /** @throws TidegateError `TIDEGATE_OPERATOR_FAILED` where the policy is to fail. */
  handle(error: unknown, record: unknown, policy = this.#options.policy): void {
    // No fault of the record: skipping it would skip them all.
    if (hasErrorCode(error, 'TIDEGATE_OPERATOR_FAILED')) throw error;
    const { operator, leftOut } = this.#options;
    const { message } = toError(error);
    switch (policy) {
      case 'fail':
        throw new TidegateError(
          'TIDEGATE_OPERATOR_FAILED',
          `operator ${operator} failed on a record: ${message}`,
          { cause: error, details: { operator } },
        );
      case 'skip':
        leftOut(operator, 'skipped');
        return;
      case 'dead-letter':
        leftOut(operator, 'dead-lettered');
        this.#letters.push({ operator, record, error: message });
        return;
      default:
        assertNever(policy, 'error policy');
    }
  }

  /**
   * Whatever the policy is: a function that answers one record with a promise answers all so.
   *
   * @throws TidegateError `TIDEGATE_OPERATOR_FAILED`.
   */
  refusePromise(answer: unknown): void {
    if (!isPromise(answer)) return;
    answer.catch(() => undefined);
    throw promiseGiven(this.#options.operator);
  }

  /** Sends the letters of a batch on, together with its output. */
  flush(room: Room): Room {
    if (this.#letters.length === 0) return room;
    const records = this.#letters;
    this.#letters = [];
    return bothRooms(room, this.#options.deadLetters.accept({ records, eventTimes: undefined }));
  }
}
