// An operator whose state is by key: captured, saved and put back in one way for all of them.

import type { Operator, OperatorSnapshot } from '../../contracts/operator.js';
import type { Clock } from '../../runtime/clock.js';
import type { BarrierMark } from '../flow/elements.js';
import { decodeState } from './decode-state.js';
import { entryLine } from './entry-json.js';
import { KeyedState } from './keyed-state.js';

/** What an operator is given when a run is prepared. */
export interface OperatorSettings {
  readonly vnodeCount: number;
  readonly clock: Clock;
  /** Whether the same input gives the same output here, as far as the pipeline can tell. */
  readonly isDeterministic: boolean;
}

/** How one kind of operator keeps its entries, and what it keeps beside them. */
export interface KeyedLayout<Value> {
  /** Of an entry, as JSON can hold it. */
  readonly members: (value: Value) => readonly unknown[];
  /** The same back; the first member is the key. */
  readonly value: (members: readonly unknown[]) => Value;
  /** Facts of the operator as a whole, at this moment. */
  readonly header?: () => Readonly<Record<string, unknown>>;
  /** The same back; without one, in a reset, the initial facts. */
  readonly takeHeader?: (header: Readonly<Record<string, unknown>> | undefined) => void;
  /** Every entry is there again. */
  readonly restored?: (state: KeyedState<Value>) => void;
}

export class KeyedOperator<Value> implements Operator {
  readonly name: string;
  readonly deterministic: boolean;
  readonly state: KeyedState<Value>;
  readonly #layout: KeyedLayout<Value>;
  readonly #clock: Clock;

  constructor(name: string, settings: OperatorSettings, layout: KeyedLayout<Value>) {
    this.name = name;
    this.deterministic = settings.isDeterministic;
    this.#layout = layout;
    this.#clock = settings.clock;
    this.state = new KeyedState(name, settings.vnodeCount, (key, value) =>
      entryLine(name, key, layout.members(value)),
    );
  }

  capture(): OperatorSnapshot {
    return this.state.capture(this.#layout.header?.() ?? {}, this.#clock);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { state } = this;
    this.reset();
    await decodeState(chunks, {
      operator: this.name,
      vnodeCount: state.vnodeCount,
      header: (header) => this.#layout.takeHeader?.(header),
      entry: (key, members) => {
        state.add(key, this.#layout.value(members));
      },
    });
    this.#layout.restored?.(state);
  }

  reset(): void {
    this.state.clear();
    this.#layout.takeHeader?.(undefined);
  }
}

/** The barrier has come: the state goes to the coordinator before any later record is seen. */
export function captureAt(mark: BarrierMark, name: string, operator: Operator): void {
  const { barrier, listener } = mark;
  try {
    listener.operatorReached(barrier, name, operator.capture());
  } catch (error) {
    listener.failed(barrier, `operator ${name}`, error);
  }
}
