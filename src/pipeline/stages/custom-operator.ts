// An operator that a user has written whole, and how it takes part in checkpoints.

import type { EncodedState, Operator, OperatorSnapshot } from '../../contracts/operator.js';
import type { CallOptions } from '../../contracts/source.js';
import { TidegateError, toError } from '../../errors.js';
import { beginningOfTime } from '../flow/elements.js';
import { splitHead, withHead } from '../state/state-head.js';
import { timeFromJson, timeToJson } from '../state/time-json.js';

export interface CustomContext<Out> {
  /**
   * What is sent on gets this time: that of the record; in `onTime` the watermark, and at the end of
   * the input the newest watermark before it. Undefined in a stream without event time.
   */
  readonly time: number | undefined;
  /** Sends a record on, with this time: in one piece with the rest of the call, or not at all. */
  emit(record: Out): void;
}

/**
 * Obligations beyond those of `Operator`:
 *
 * 1. `onRecord` and `onTime` are called one at a time, in order; the next call waits for a promise
 *    that they return. A barrier passes between two calls.
 * 2. What they emit is emitted before they settle: later it is refused with `TIDEGATE_OPERATOR_LATE`.
 * 3. What `onRecord` changes, it changes only when it does not throw: the error policy may skip it.
 *    `onTime` is never skipped: what it throws ends the generation.
 */
export interface CustomOperator<Rec, Out> extends Operator {
  onRecord(record: Rec, context: CustomContext<Out>): void | Promise<void>;
  /**
   * No record before this time is expected any more; infinite at the end of the input. Called before
   * the first record behind it, with a higher watermark each time. The last one told is saved with
   * the state: a restart that goes on behind it never tells it again, nor a lower one, nor the end.
   * How often it is called depends on where batches end: do what is due by then, do not count calls.
   */
  onTime?(watermark: number, context: CustomContext<Out>): void | Promise<void>;
}

const stateFormat = 'tidegate-custom-state';
const stateFormatVersion = 1;

/**
 * The saved state is a line of JSON, with the newest watermark that the operator was told, and behind
 * it the operator's own bytes. What the operator did by then is in those bytes, or was sent on: told
 * once more after a restart it would do it once more.
 */
export class CustomParticipant implements Operator {
  readonly name: string;
  readonly operator: CustomOperator<unknown, unknown>;
  readonly deterministic: boolean;
  #toldTime = beginningOfTime;

  constructor(name: string, operator: CustomOperator<unknown, unknown>) {
    this.name = name;
    this.operator = operator;
    this.deterministic = operator.deterministic ?? false;
  }

  /** The newest watermark that the operator was told. Only a later one is told. */
  get toldTime(): number {
    return this.#toldTime;
  }

  /** @throws TidegateError `TIDEGATE_OPERATOR_FAILED`, whatever the policy for records is. */
  tell(watermark: number, context: CustomContext<unknown>): Promise<void> | undefined {
    this.#toldTime = watermark;
    try {
      const working = this.operator.onTime?.(watermark, context);
      return working?.catch((error: unknown) => {
        throw this.#failedAt(watermark, error);
      });
    } catch (error) {
      throw this.#failedAt(watermark, error);
    }
  }

  capture(): OperatorSnapshot {
    const head = {
      format: stateFormat,
      version: stateFormatVersion,
      toldTime: timeToJson(this.#toldTime),
    };
    const snapshot = this.operator.capture();
    const { estimatedByteLength } = snapshot;
    return {
      encode: async (options): Promise<EncodedState> =>
        withHead(head, await snapshot.encode(options)),
      ...(estimatedByteLength === undefined ? {} : { estimatedByteLength }),
      release: () => snapshot.release?.(),
    };
  }

  async restore(state: AsyncIterable<Uint8Array>, options: CallOptions): Promise<void> {
    const { head, rest } = await splitHead(this.name, state);
    if (head.format !== stateFormat || head.version !== stateFormatVersion) {
      throw new TidegateError(
        'TIDEGATE_OPERATOR_STATE',
        `the saved state of operator ${this.name} cannot be read: ` +
          `it has format ${String(head.format)}, version ${String(head.version)}`,
        { details: { operator: this.name } },
      );
    }
    this.#toldTime = timeFromJson(head.toldTime);
    await this.operator.restore(rest, options);
  }

  async reset(): Promise<void> {
    this.#toldTime = beginningOfTime;
    await this.operator.reset();
  }

  #failedAt(watermark: number, cause: unknown): TidegateError {
    return new TidegateError(
      'TIDEGATE_OPERATOR_FAILED',
      `operator ${this.name} failed at time ${watermark}: ${toError(cause).message}`,
      { cause, details: { operator: this.name } },
    );
  }
}
