// An operator that a user has written whole, and how it takes part in checkpoints.

import { Readable } from 'node:stream';
import { isOtherVersion, migratedBytes, type StateVersion } from '../../contracts/migration.js';
import type {
  EncodedState,
  Operator,
  OperatorDefinition,
  OperatorRestoreOptions,
  OperatorSnapshot,
} from '../../contracts/operator.js';
import type { SavedDefinition } from '../../manifest/types.js';
import { TidegateError, toError } from '../../errors.js';
import { beginningOfTime, timeFromJson, timeToJson } from '../flow/elements.js';
import { requireContract, requireHandlers } from '../validate-functions.js';
import type { OperatorIdentity } from '../state/keyed-operator.js';
import { splitHead, withHead } from '../state/state-head.js';

/** What a custom operator is given with each call: the time, its outputs. */
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
   * No more records before this time are expected; infinite at the end of the input. Called before
   * the first record behind it, with a higher watermark each time. The last one is saved with
   * the state: a restart that goes on behind it never tells it again, nor a lower one, nor the end.
   * How often it is called depends on where batches end: do what is due by then, do not count calls.
   */
  onTime?(watermark: number, context: CustomContext<Out>): void | Promise<void>;
}

/** @throws TidegateError for what has not all functions of one, or a handler that is never called. */
export function requireCustomOperator(
  what: string,
  operator: CustomOperator<never, unknown>,
): void {
  requireContract(what, operator, ['onRecord', 'capture', 'restore', 'reset']);
  requireHandlers(what, operator, ['onRecord', 'onTime']);
}

/** One kind, in a pipeline and in streams of Node: the bytes are the same. */
const customKind = 'apply';
const stateFormat = 'tidegate-custom-state';
const stateFormatVersion = 1;

/**
 * The saved state is a line of JSON, with the newest watermark that the operator received, and behind
 * it the operator's own bytes. What the operator did by then is in those bytes, or was sent on: it
 * must not get the same watermark again after a restart.
 */
export class CustomParticipant implements Operator {
  readonly name: string;
  readonly operator: CustomOperator<unknown, unknown>;
  readonly deterministic: boolean;
  readonly definition: OperatorDefinition;
  readonly #stateVersion: StateVersion;
  #lastWatermark = beginningOfTime;

  constructor(
    name: string,
    operator: CustomOperator<unknown, unknown>,
    identity?: OperatorIdentity,
  ) {
    this.name = name;
    this.#stateVersion = identity?.stateVersion ?? {};
    const { kind, version, settings } = operator.definition ?? {};
    this.definition = {
      kind: customKind,
      version: identity?.definition.version ?? version,
      settings: { ...settings, ...(kind === undefined ? {} : { operator: kind }) },
    };
    this.operator = operator;
    this.deterministic = operator.deterministic ?? false;
  }

  /** The newest watermark that the operator received. Only a later one is passed on. */
  get lastWatermark(): number {
    return this.#lastWatermark;
  }

  /** @throws TidegateError `TIDEGATE_OPERATOR_FAILED`, whatever the policy for records is. */
  advanceTo(watermark: number, context: CustomContext<unknown>): Promise<void> | undefined {
    this.#lastWatermark = watermark;
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
      toldTime: timeToJson(this.#lastWatermark),
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

  /** By the function that was given to `apply`, or by the operator itself. */
  migratesFrom(saved: SavedDefinition): boolean {
    if (saved.kind !== customKind) return false;
    if (this.#stateVersion.migrate !== undefined) return true;
    return this.operator.migratesFrom?.(saved) ?? false;
  }

  async restore(state: AsyncIterable<Uint8Array>, options: OperatorRestoreOptions): Promise<void> {
    const { head, rest } = await splitHead(this.name, state);
    if (head.format !== stateFormat || head.version !== stateFormatVersion) {
      throw new TidegateError(
        'TIDEGATE_OPERATOR_STATE',
        `the saved state of operator ${this.name} cannot be read: ` +
          `it has format ${String(head.format)}, version ${String(head.version)}`,
        { details: { operator: this.name } },
      );
    }
    this.#lastWatermark = timeFromJson(head.toldTime);
    await this.operator.restore(await this.#migrated(rest, options), options);
  }

  /** `migrate` is given all bytes of the operator, and gives bytes. */
  async #migrated(
    state: AsyncIterable<Uint8Array>,
    { saved }: OperatorRestoreOptions,
  ): Promise<AsyncIterable<Uint8Array>> {
    const { migrate } = this.#stateVersion;
    if (migrate === undefined || !isOtherVersion(this.#stateVersion, saved)) return state;
    const chunks: Uint8Array[] = [];
    for await (const chunk of state) chunks.push(chunk);
    const bytes = migratedBytes(this.name, this.#stateVersion, saved, Buffer.concat(chunks));
    return Readable.from([bytes]);
  }

  async reset(): Promise<void> {
    this.#lastWatermark = beginningOfTime;
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
