// A value by key that every record adds to; each addition is sent on.

import { Collector } from '../flow/collector.js';
import type { Batch, Mark, Receiver, Room } from '../flow/elements.js';
import type { RecordErrors } from '../flow/record-errors.js';
import { captureAt, KeyedOperator, type OperatorSettings } from '../state/keyed-operator.js';
import type { PartsOf } from '../given-functions.js';
import type { KeyOf } from './keys.js';
import { keyText } from './keys.js';

export interface Aggregation<Rec, Value, Out = KeyedValue<Value>> {
  /** What a key begins with; a value is copied for each key, a function is called with it. */
  readonly initial: Value | ((key: string) => Value);
  /** The value with the record in it: a new one, or the same one changed. JSON must be able to hold it. */
  readonly add: (value: Value, record: Rec, key: string) => Value;
  /**
   * What is sent on after each record. It must not share anything that `add` changes in place.
   * Default: the key and the value, the latter copied where `add` has changed it in place.
   */
  readonly result?: (key: string, value: Value) => Out;
}

export const aggregationParts: PartsOf<Aggregation<unknown, unknown, unknown>> = {
  initial: 'any',
  add: 'function',
  result: 'optional-function',
};

export interface KeyedValue<Value> {
  readonly key: string;
  readonly value: Value;
}

export type AggregateOperator = KeyedOperator<unknown>;

export function aggregateOperator(name: string, settings: OperatorSettings): AggregateOperator {
  return new KeyedOperator<unknown>(name, settings, {
    members: (value) => [value],
    value: ([, value]) => value,
    migration: {
      // A process has its timers behind the value: an aggregate has none.
      kinds: ['aggregate', 'process'],
      mayChangeSettings: true,
      members: ([key, value], convert) => [key, convert(value)],
    },
  });
}

/** A function that makes the initial value of a key. */
export function initializer<Value>(
  initial: Value | ((key: string) => Value),
): (key: string) => Value {
  if (typeof initial === 'function') return initial as (key: string) => Value;
  if (typeof initial !== 'object' || initial === null) return () => initial;
  return () => structuredClone(initial);
}

export interface AggregateParts {
  readonly operator: AggregateOperator;
  readonly output: Receiver;
  readonly errors: RecordErrors;
  readonly keyOf: KeyOf<unknown>;
  readonly aggregation: Aggregation<unknown, unknown, unknown>;
}

export class AggregateStage implements Receiver {
  readonly #parts: AggregateParts;
  readonly #initial: (key: string) => unknown;
  readonly #collector = new Collector();

  constructor(parts: AggregateParts) {
    this.#parts = parts;
    this.#initial = initializer(parts.aggregation.initial);
  }

  accept(batch: Batch): Room {
    const { output, errors, keyOf } = this.#parts;
    const { records } = batch;
    for (let index = 0; index < records.length; index++) {
      const record = records[index];
      try {
        const result = this.#add(keyText(keyOf(record)), record);
        this.#collector.addLike(result, batch, index);
      } catch (error) {
        errors.handle(error, record);
      }
    }
    return errors.flush(output.accept(this.#collector.take(batch.eventTimes?.watermark)));
  }

  mark(mark: Mark): void {
    const { operator, output } = this.#parts;
    if (mark.kind === 'barrier') captureAt(mark, operator.name, operator);
    output.mark(mark);
  }

  #add(key: string, record: unknown): unknown {
    const { operator, aggregation } = this.#parts;
    const { state } = operator;
    const entry = state.get(key);
    // Before `add`: it may change the value in place, and a capture must have it as it was.
    if (entry !== undefined) state.touch(entry);
    const before = entry === undefined ? this.#initial(key) : entry.value;
    const value = aggregation.add(before, record, key);
    if (entry === undefined) state.add(key, value);
    else entry.value = value;
    if (aggregation.result !== undefined) return aggregation.result(key, value);
    // A sink may see it later: by then the next record could have changed it.
    const isShared = value === before && typeof value === 'object';
    return { key, value: isShared ? structuredClone(value) : value };
  }
}
