// What an operator promises: a cheap capture of its state at a barrier, and taking it back.

import type { SavedDefinition } from '../manifest/types.js';
import type { CallOptions } from './source.js';

/** State as one buffer, or as chunks when it is large. */
export type EncodedState = Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** An operator's state at one barrier: frozen by `capture`, encoded later. */
export interface OperatorSnapshot {
  /**
   * Turns the frozen state into bytes; writes since the capture must not show. Called once, and once
   * more under `checkStateAliasing`, to compare.
   */
  encode(options: CallOptions): EncodedState | Promise<EncodedState>;
  /** Bytes that `encode` will give, when known: lets the size cap refuse early. */
  readonly estimatedByteLength?: number;
  /** The snapshot is no longer needed, whether it was encoded or not. */
  release?(): void;
}

/** What an operator is, as far as its state depends on it. Saved beside the state by every checkpoint. */
export interface OperatorDefinition {
  /** Such as `window`, or a name of your own. */
  readonly kind: string;
  /** Raised when the state comes to mean something else. Whole numbers have an order. */
  readonly version?: string | number | undefined;
  /** What the state depends on, such as the size of windows. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
}

/** What an operator is restored with beside its state. */
export interface OperatorRestoreOptions extends CallOptions {
  /** What saved the state. Undefined in a checkpoint of an earlier release, or of another program. */
  readonly saved?: SavedDefinition | undefined;
}

/**
 * A stateful operator. Obligations:
 *
 * 1. `capture()` is synchronous and cheap, and freezes the state: later writes go beside it.
 * 2. `restore(state)` replaces the whole state with an earlier one, read from chunks.
 * 3. `reset()` replaces the whole state with the initial one: an operator that a manifest does not
 *    name starts there, never with what a failed attempt left in memory.
 * 4. State of another `definition` is refused before `restore` is called, unless `migratesFrom` says
 *    that `restore` makes its own of it.
 * 5. `deterministic` operators give the same output for the same input in the same order; only
 *    with them is writing again to an `idempotent` sink without effect.
 */
export interface Operator {
  /** Default false. */
  readonly deterministic?: boolean;
  /** Default: kind `custom`, without version and settings. */
  readonly definition?: OperatorDefinition;
  /** Whether `restore` can load the state of this definition, which is another. Pure. Default: never. */
  migratesFrom?(saved: SavedDefinition): boolean;
  capture(): OperatorSnapshot;
  restore(state: AsyncIterable<Uint8Array>, options: OperatorRestoreOptions): void | Promise<void>;
  reset(): void | Promise<void>;
}
