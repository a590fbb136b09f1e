// A value by key that every record adds to; each addition is sent on.

import { Collector } from '../flow/collector.js';
import type { Batch, Mark, Receiver, Room } from '../flow/elements.js';
import type { RecordErrors } from '../flow/record-errors.js';
import {
  requireFunctions,
  requireParts,
  requireSynchronous,
  type PartsOf,
} from '../validate-functions.js';
import { mainPort, type PipelineOperator, type Wiring } from '../graph.js';
import {
  captureAt,
  KeyedOperator,
  type KeyedLayout,
  type OperatorSettings,
} from '../state/keyed-operator.js';
import { keyText, type KeyOf } from './keys.js';

/** How `aggregate` folds the records of a key into one value. */
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

const aggregationParts: PartsOf<Aggregation<unknown, unknown, unknown>> = {
  initial: 'any',
  add: 'function',
  result: 'optional-function',
};

/** A key and its value. */
export interface KeyedValue<Value> {
  readonly key: string;
  readonly value: Value;
}

const layout: KeyedLayout<unknown> = {
  members: (value) => [value],
  value: ([, value]) => value,
  migration: {
    // A process has its timers behind the value: an aggregate has none.
    kinds: ['aggregate', 'process'],
    mayChangeSettings: true,
    members: ([key, value], convert) => [key, convert(value)],
  },
};

export class AggregateOperator implements PipelineOperator<KeyedOperator<unknown>> {
  readonly name: string;
  readonly keyOf: KeyOf<unknown>;
  readonly aggregation: Aggregation<unknown, unknown, unknown>;
  readonly initial: (key: string) => unknown;

  constructor(
    name: string,
    keyOf: KeyOf<unknown>,
    aggregation: Aggregation<unknown, unknown, unknown>,
  ) {
    requireParts(name, aggregation, aggregationParts);
    requireFunctions(name, { keyOf });
    this.name = name;
    this.keyOf = keyOf;
    this.aggregation = aggregation;
    this.initial = initializer(name, aggregation.initial);
  }

  prepare(settings: OperatorSettings): KeyedOperator<unknown> {
    return new KeyedOperator(this.name, settings, layout);
  }

  connect(wiring: Wiring<KeyedOperator<unknown>>): readonly Receiver[] {
    return [new AggregateStage(wiring, this)];
  }
}

/**
 * A function that makes the initial value of a key.
 *
 * @throws TidegateError `TIDEGATE_PIPELINE` for one that does not answer at once.
 */
export function initializer(name: string, initial: unknown): (key: string) => unknown {
  requireSynchronous(name, { initial });
  if (typeof initial === 'function') return initial as (key: string) => unknown;
  if (typeof initial !== 'object' || initial === null) return () => initial;
  return () => structuredClone(initial);
}

class AggregateStage implements Receiver {
  readonly #operator: AggregateOperator;
  readonly #participant: KeyedOperator<unknown>;
  readonly #output: Receiver;
  readonly #errors: RecordErrors;
  readonly #collector = new Collector();

  constructor(
    { participant, output, errors }: Wiring<KeyedOperator<unknown>>,
    operator: AggregateOperator,
  ) {
    this.#operator = operator;
    this.#participant = participant;
    this.#output = output(mainPort);
    this.#errors = errors;
  }

  accept(batch: Batch): Room {
    const { keyOf } = this.#operator;
    const errors = this.#errors;
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
    return errors.flush(this.#output.accept(this.#collector.take(batch.eventTimes?.watermark)));
  }

  mark(mark: Mark): void {
    if (mark.kind === 'barrier') captureAt(mark, this.#participant.name, this.#participant);
    this.#output.mark(mark);
  }

  #add(key: string, record: unknown): unknown {
    const { aggregation, initial } = this.#operator;
    const { state } = this.#participant;
    const entry = state.get(key);
    // Before `add`: it may change the value in place, and a capture must have it as it was.
    if (entry !== undefined) state.touch(entry);
    const before = entry === undefined ? initial(key) : entry.value;
    const value = aggregation.add(before, record, key);
    if (entry === undefined) state.add(key, value);
    else entry.value = value;
    if (aggregation.result !== undefined) return aggregation.result(key, value);
    // A sink may see it later: by then the next record could have changed it.
    const isShared = value === before && typeof value === 'object';
    return { key, value: isShared ? structuredClone(value) : value };
  }
}
