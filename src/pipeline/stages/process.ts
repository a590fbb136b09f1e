// A keyed function with state and event-time timers, written by the user.

import type { OperatorSettings } from '../state/keyed-operator.js';
import type { Entry } from '../state/keyed-state.js';
import { TimedOperator, type EntryTimer } from '../state/timed-operator.js';
import { initializer } from './aggregate.js';
import type { Receiver } from '../flow/elements.js';
import {
  requireFunctions,
  requireParts,
  requireSides,
  type PartsOf,
} from '../validate-functions.js';
import type { PipelineOperator, Wiring } from '../graph.js';
import { isPromise, promiseGiven } from '../promises.js';
import { keyText, type KeyOf } from './keys.js';
import { CallScope } from './call-scope.js';
import { TimedOutputs, TimedStage, type TimedLogic } from './timed-stage.js';

/**
 * What a function sees of its key. Beyond the call nothing can be sent on or changed by it: that is
 * refused with `TIDEGATE_OPERATOR_LATE`. Objects in `state` must not be changed then either.
 */
export interface ProcessContext<State, Out> {
  readonly key: string;
  /** Of this key; change it, or set another. JSON must be able to hold it. */
  state: State;
  /** Of the record or the timer; undefined for a record without event time. */
  readonly time: number | undefined;
  /** No more records before this time are expected. */
  readonly watermark: number;
  /**
   * Calls `onTimer` when the watermark has reached this time. Once for each time; at the end of the
   * input every timer fires, and none can be set after that.
   */
  setTimer(time: number): void;
  deleteTimer(time: number): void;
  emit(record: Out): void;
  /** To one of the `sides` that were declared. */
  emitTo(side: string, record: unknown): void;
  /** Forgets the key after this call: its state and its timers. */
  forget(): void;
}

/** A function with state for each key, and timers. */
export interface KeyedFunction<Rec, State, Out> {
  /** State of a new key; a value is copied for each key, a function is called with it. */
  readonly initial: State | ((key: string) => State);
  readonly onRecord: (record: Rec, context: ProcessContext<State, Out>) => void;
  readonly onTimer?: (time: number, context: ProcessContext<State, Out>) => void;
  /** Names of the outputs beside the main one. */
  readonly sides?: readonly string[];
}

const functionParts: PartsOf<KeyedFunction<unknown, unknown, unknown>> = {
  initial: 'any',
  onRecord: 'function',
  onTimer: 'optional-function',
  sides: 'any',
};

interface Keyed {
  state: unknown;
  /** By time: the number of the timer. */
  readonly timers: Map<number, number>;
}

export class ProcessOperator implements PipelineOperator<TimedOperator<Keyed>> {
  readonly name: string;
  readonly keyOf: KeyOf<unknown>;
  readonly fn: KeyedFunction<unknown, unknown, unknown>;
  readonly hasEventTime: boolean;
  readonly initial: (key: string) => unknown;

  constructor(
    name: string,
    keyOf: KeyOf<unknown>,
    fn: KeyedFunction<unknown, unknown, unknown>,
    hasEventTime: boolean,
  ) {
    requireParts(name, fn, functionParts);
    requireSides(name, fn.sides);
    requireFunctions(name, { keyOf });
    this.name = name;
    this.keyOf = keyOf;
    this.fn = fn;
    this.hasEventTime = hasEventTime;
    this.initial = initializer(name, fn.initial);
  }

  prepare(settings: OperatorSettings): TimedOperator<Keyed> {
    return new TimedOperator<Keyed>(this.name, settings, {
      members: ({ state, timers }) => [state, [...timers]],
      value: ([, state, timers]) => ({
        state,
        timers: new Map(timers as readonly (readonly [number, number])[]),
      }),
      migration: {
        kinds: ['aggregate', 'process'],
        mayChangeSettings: true,
        members: ([key, state, timers = []], convert) => [key, convert(state), timers],
      },
      timersOf: ({ timers }) => [...timers].map(([time, number]) => ({ time, number })),
    });
  }

  connect(wiring: Wiring<TimedOperator<Keyed>>): readonly Receiver[] {
    const outputs = new TimedOutputs(wiring, this.fn.sides ?? [], this.hasEventTime);
    const logic = new ProcessLogic(this, wiring.participant, outputs);
    return TimedStage.receivers(wiring, outputs, logic);
  }
}

class ProcessLogic implements TimedLogic<Keyed> {
  readonly #process: ProcessOperator;
  readonly #operator: TimedOperator<Keyed>;
  readonly #outputs: TimedOutputs<Keyed>;

  constructor(
    process: ProcessOperator,
    operator: TimedOperator<Keyed>,
    outputs: TimedOutputs<Keyed>,
  ) {
    this.#process = process;
    this.#operator = operator;
    this.#outputs = outputs;
  }

  onRecord(record: unknown): void {
    const { keyOf, fn, initial } = this.#process;
    const { state } = this.#operator;
    const { recordTime } = this.#operator.clock;
    const time = Number.isNaN(recordTime) ? undefined : recordTime;
    const key = keyText(keyOf(record));
    let entry = state.get(key);
    if (entry === undefined) entry = state.add(key, { state: initial(key), timers: new Map() });
    else state.touch(entry);
    this.#call(entry, time, (context) => fn.onRecord(record, context));
  }

  onTimer(time: number, { entry, number }: EntryTimer<Keyed>): void {
    const { fn } = this.#process;
    const operator = this.#operator;
    const isCurrent = operator.state.get(entry.key) === entry;
    // Deleted, or set again, since: then it is another timer.
    if (!isCurrent || entry.value.timers.get(time) !== number) return;
    operator.state.touch(entry);
    entry.value.timers.delete(time);
    this.#call(entry, time, (context) => fn.onTimer?.(time, context));
  }

  #call(
    entry: Entry<Keyed>,
    time: number | undefined,
    call: (context: ProcessContext<unknown, unknown>) => unknown,
  ): void {
    const operator = this.#operator;
    const after = { isForgotten: false };
    const current = new CallScope(operator.name);
    const context = this.#contextOf(entry, time, current, () => {
      current.check('forget');
      after.isForgotten = true;
    });
    try {
      const answer = call(context);
      if (isPromise(answer)) {
        answer.catch(() => undefined);
        throw promiseGiven(operator.name);
      }
    } finally {
      current.end();
    }
    if (after.isForgotten) operator.state.delete(entry);
  }

  #contextOf(
    entry: Entry<Keyed>,
    time: number | undefined,
    current: CallScope,
    forget: () => void,
  ): ProcessContext<unknown, unknown> {
    const { hasEventTime } = this.#process;
    const operator = this.#operator;
    const outputs = this.#outputs;
    const { value, key } = entry;
    const emitTime = time ?? operator.watermark;
    return {
      key,
      get state() {
        return value.state;
      },
      set state(next: unknown) {
        current.check('state');
        value.state = next;
      },
      time,
      watermark: operator.watermark,
      setTimer: (at) => {
        current.check('setTimer');
        if (!hasEventTime) throw new Error('timers need records with an event time');
        if (!Number.isSafeInteger(at)) throw new Error(`a timer is set for ${at}`);
        if (value.timers.has(at) || operator.isEnding) return;
        const number = operator.nextNumber();
        value.timers.set(at, number);
        operator.timers.add(at, { entry, number });
      },
      deleteTimer: (at) => {
        current.check('deleteTimer');
        value.timers.delete(at);
      },
      emit: (record) => {
        current.check('emit');
        outputs.emit(record, emitTime);
      },
      emitTo: (side, record) => {
        current.check('emitTo');
        outputs.emit(record, emitTime, side);
      },
      forget,
    };
  }
}
