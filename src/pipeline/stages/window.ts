// Event-time windows: records of a key in the same stretch of time become one result when it is over.

import { latePort } from '../graph.js';
import type { OperatorSettings } from '../state/keyed-operator.js';
import { TimedOperator, type EntryTimer } from '../state/timed-operator.js';
import { initializer } from './aggregate.js';
import { keyText, type KeyOf } from './keys.js';
import type { Emitter, TimedLogic } from './timed-stage.js';

/** Windows of `sizeMs`, one beginning every `everyMs`; equal for tumbling ones. */
export interface WindowSpec {
  readonly sizeMs: number;
  readonly everyMs: number;
}

/** From `startMs` (included) to `endMs` (excluded), in milliseconds since the Unix epoch. */
export interface TimeWindow {
  readonly startMs: number;
  readonly endMs: number;
}

export interface WindowAggregation<Rec, Value, Out> {
  /** What a window begins with; a value is copied, a function is called with the key. */
  readonly initial: Value | ((key: string) => Value);
  /** The value with the record in it: a new one, or the same one changed. */
  readonly add: (value: Value, record: Rec, key: string) => Value;
  /** What is sent on when the window is over. Default: key, window and value. */
  readonly result?: (key: string, window: TimeWindow, value: Value) => Out;
}

export interface WindowResult<Value> {
  readonly key: string;
  readonly window: TimeWindow;
  readonly value: Value;
}

/** An open window of one key. `number` orders windows that end together by their first record. */
interface Pane {
  readonly startMs: number;
  readonly number: number;
  value: unknown;
}

export type WindowOperator = TimedOperator<Pane[]>;

type SavedPane = readonly [startMs: number, number: number, value: unknown];

export function windowOperator(
  name: string,
  { sizeMs }: WindowSpec,
  settings: OperatorSettings,
): WindowOperator {
  return new TimedOperator<Pane[]>(name, settings, {
    members: (panes) => panes.map(({ startMs, number, value }) => [startMs, number, value]),
    value: ([, ...saved]) =>
      (saved as readonly SavedPane[]).map(([startMs, number, value]) => ({
        startMs,
        number,
        value,
      })),
    timersOf: (panes) => panes.map(({ startMs, number }) => ({ time: startMs + sizeMs, number })),
  });
}

export interface WindowParts {
  readonly operator: WindowOperator;
  readonly spec: WindowSpec;
  readonly keyOf: KeyOf<unknown>;
  readonly aggregation: WindowAggregation<unknown, unknown, unknown>;
}

export class WindowLogic implements TimedLogic<Pane[]> {
  readonly #parts: WindowParts;
  readonly #emitter: Emitter;
  readonly #initial: (key: string) => unknown;

  constructor(parts: WindowParts, emitter: Emitter) {
    this.#parts = parts;
    this.#emitter = emitter;
    this.#initial = initializer(parts.aggregation.initial);
  }

  onRecord(record: unknown, time: number | undefined): void {
    const { operator, spec, keyOf } = this.#parts;
    if (time === undefined) throw new Error('a window needs records with an event time');
    const { sizeMs, everyMs } = spec;
    const latest = Math.floor(time / everyMs) * everyMs;
    // A window that has been sent on is not opened again: its result would be there twice.
    if (latest + sizeMs <= operator.watermark) {
      this.#emitter.emit(record, time, latePort);
      return;
    }
    const key = keyText(keyOf(record));
    for (let startMs = latest; startMs > time - sizeMs; startMs -= everyMs) {
      if (startMs + sizeMs > operator.watermark) this.#add(key, startMs, record);
    }
  }

  onTimer(time: number, { entry, number }: EntryTimer<Pane[]>): void {
    const { operator, spec, aggregation } = this.#parts;
    const { state } = operator;
    const index = entry.value.findIndex((pane) => pane.number === number);
    const pane = entry.value[index];
    if (pane === undefined) return;
    state.touch(entry);
    entry.value.splice(index, 1);
    if (entry.value.length === 0) state.delete(entry);
    const { key } = entry;
    const window: TimeWindow = { startMs: time - spec.sizeMs, endMs: time };
    const { value } = pane;
    const { result } = aggregation;
    const output = result === undefined ? { key, window, value } : result(key, window, value);
    // The last moment of the window, so that a later window puts it where its records belong.
    this.#emitter.emit(output, time - 1);
  }

  #add(key: string, startMs: number, record: unknown): void {
    const { operator, spec, aggregation } = this.#parts;
    const { state } = operator;
    const entry = state.get(key);
    const pane = entry === undefined ? undefined : paneAt(entry.value, startMs);
    if (entry !== undefined) state.touch(entry);
    const before = pane === undefined ? this.#initial(key) : pane.value;
    const value = aggregation.add(before, record, key);
    if (pane !== undefined) {
      pane.value = value;
      return;
    }
    const number = operator.nextNumber();
    const opened: Pane = { startMs, number, value };
    if (entry === undefined) {
      operator.timers.add(startMs + spec.sizeMs, { entry: state.add(key, [opened]), number });
    } else {
      entry.value.push(opened);
      operator.timers.add(startMs + spec.sizeMs, { entry, number });
    }
  }
}

/** A key has few windows open at a time, the newest last. */
function paneAt(panes: readonly Pane[], startMs: number): Pane | undefined {
  for (let index = panes.length - 1; index >= 0; index--) {
    const pane = panes[index];
    if (pane?.startMs === startMs) return pane;
  }
  return undefined;
}
