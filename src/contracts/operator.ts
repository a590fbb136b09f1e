// What an operator promises: a cheap capture of its state at a barrier, and taking it back.

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
  /** The snapshot is not needed any more, whether it was encoded or not. */
  release?(): void;
}

/**
 * A stateful operator. Obligations:
 *
 * 1. `capture()` is synchronous and cheap, and freezes the state: later writes go beside it.
 * 2. `restore(state)` replaces the whole state with an earlier one, read from chunks.
 * 3. `reset()` replaces the whole state with the initial one: an operator that a manifest does not
 *    name starts there, never with what a failed attempt left in memory.
 * 4. `deterministic` operators give the same output for the same input in the same order; only
 *    with them is writing again to an `idempotent` sink without effect.
 */
export interface Operator {
  /** Default false. */
  readonly deterministic?: boolean;
  capture(): OperatorSnapshot;
  restore(state: AsyncIterable<Uint8Array>, options: CallOptions): void | Promise<void>;
  reset(): void | Promise<void>;
}
