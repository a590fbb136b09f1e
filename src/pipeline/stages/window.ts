// Event-time windows: records of a key in the same stretch of time become one result when it is over.

import type { Receiver } from '../flow/elements.js';
import { requireFunctions, type PartsOf } from '../validate-functions.js';
import { latePort, type PipelineOperator, type Wiring } from '../graph.js';
import type { LayoutMigration, OperatorSettings } from '../state/keyed-operator.js';
import { TimedOperator, type EntryTimer } from '../state/timed-operator.js';
import { initializer } from './aggregate.js';
import { firstIndexNotBefore } from '../state/sorted.js';
import { keyText, type KeyOf } from './keys.js';
import { TimedOutputs, TimedStage, type TimedLogic } from './timed-stage.js';
import { NewestWindow, type CheckedWindow, type TimeWindow } from '../windows.js';

/** How a window folds its records into one value. */
export interface WindowAggregation<Rec, Value, Out> {
  /** What a window begins with; a value is copied, a function is called with the key. */
  readonly initial: Value | ((key: string) => Value);
  /** The value with the record in it: a new one, or the same one changed. */
  readonly add: (value: Value, record: Rec, key: string) => Value;
  /**
   * The value of two neighbouring stretches of time together, the earlier one first; it may change that
   * one, and must not change the later one. With it a record of a sliding window is added once, however
   * many windows it is in; without it at most 100 windows may overlap. `initial` is then in each stretch:
   * it must be what merging leaves as it is, such as 0 for a sum.
   */
  readonly merge?: (earlier: Value, later: Value) => Value;
  /** What is sent on when the window is over. Default: key, window and value. */
  readonly result?: (key: string, window: TimeWindow, value: Value) => Out;
}

export const windowParts: PartsOf<WindowAggregation<unknown, unknown, unknown>> = {
  initial: 'any',
  add: 'function',
  merge: 'optional-function',
  result: 'optional-function',
};

/** The value of one window of a key. */
export interface WindowResult<Value> {
  readonly key: string;
  readonly window: TimeWindow;
  readonly value: Value;
}

/** An open window of one key, in the order of their starts. `number` orders windows that end together by their first record. */
interface Pane {
  readonly startMs: number;
  readonly endMs: number;
  readonly number: number;
  value: unknown;
}

/** The end only where another definition of the window has opened it: such a window stays as it is. */
type SavedPane = readonly [startMs: number, number: number, value: unknown, endMs?: number];

/** What an operator with windows is made of. */
export interface WindowParts {
  readonly name: string;
  readonly spec: CheckedWindow;
  readonly keyOf: KeyOf<unknown>;
  readonly aggregation: WindowAggregation<unknown, unknown, unknown>;
}

export class WindowOperator implements PipelineOperator<TimedOperator<Pane[]>> {
  readonly #parts: WindowParts;
  readonly #initial: (key: string) => unknown;

  constructor(parts: WindowParts) {
    requireFunctions(parts.name, { keyOf: parts.keyOf });
    this.#parts = parts;
    this.#initial = initializer(parts.name, parts.aggregation.initial);
  }

  prepare(settings: OperatorSettings): TimedOperator<Pane[]> {
    const { name, spec } = this.#parts;
    const { sizeMs } = spec;
    return new TimedOperator<Pane[]>(name, settings, {
      members: (panes) =>
        panes.map(({ startMs, endMs, number, value }) =>
          endMs === startMs + sizeMs ? [startMs, number, value] : [startMs, number, value, endMs],
        ),
      value: ([, ...saved]) =>
        (saved as readonly SavedPane[])
          .map(([startMs, number, value, endMs = startMs + sizeMs]) => ({
            startMs,
            endMs,
            number,
            value,
          }))
          .sort((left, right) => left.startMs - right.startMs),
      migration: windowMigration,
      timersOf: (panes) => panes.map(({ endMs, number }) => ({ time: endMs, number })),
    });
  }

  connect(wiring: Wiring<TimedOperator<Pane[]>>): readonly Receiver[] {
    const outputs = new TimedOutputs(wiring, [latePort], true);
    const logic = new WindowLogic(this.#parts, this.#initial, wiring.participant, outputs);
    return TimedStage.receivers(wiring, outputs, logic);
  }
}

/**
 * A window that is open keeps the end that it was opened with; later records go to windows as they are
 * defined now. So each record is counted as often as it should be, whatever the sizes are.
 */
const windowMigration: LayoutMigration = {
  kinds: ['window'],
  mayChangeSettings: true,
  members: ([key, ...panes], convert, { settings }) => {
    const sizeMs = Number(settings.get('sizeMs'));
    return [
      key,
      ...(panes as readonly SavedPane[]).map(([startMs, number, value, endMs]) => [
        startMs,
        number,
        convert(value),
        endMs ?? startMs + sizeMs,
      ]),
    ];
  },
};

class WindowLogic implements TimedLogic<Pane[]> {
  readonly #spec: CheckedWindow;
  readonly #keyOf: KeyOf<unknown>;
  readonly #aggregation: WindowAggregation<unknown, unknown, unknown>;
  readonly #initial: (key: string) => unknown;
  readonly #operator: TimedOperator<Pane[]>;
  readonly #outputs: TimedOutputs<Pane[]>;
  /** The newest window of the last record: most often it is the next one's too. */
  readonly #newest = new NewestWindow();

  constructor(
    { spec, keyOf, aggregation }: WindowParts,
    initial: (key: string) => unknown,
    operator: TimedOperator<Pane[]>,
    outputs: TimedOutputs<Pane[]>,
  ) {
    this.#spec = spec;
    this.#keyOf = keyOf;
    this.#aggregation = aggregation;
    this.#initial = initial;
    this.#operator = operator;
    this.#outputs = outputs;
  }

  onRecord(record: unknown): void {
    const spec = this.#spec;
    const keyOf = this.#keyOf;
    const { recordTime: time, watermark } = this.#operator.clock;
    const newest = this.#newest;
    if (!(time >= newest.startMs && time < newest.nextStartMs)) newest.moveTo(time, spec);
    // A window that has been sent on is not opened again: its result would be there twice.
    if (newest.endMs <= watermark) {
      this.#outputs.emit(record, time, latePort);
      return;
    }
    const key = keyText(keyOf(record));
    this.#add(key, record, newest);
    if (spec.everyMs < spec.sizeMs) this.#addToOlder(key, record);
  }

  onTimer(time: number, { entry, number }: EntryTimer<Pane[]>): void {
    const { state } = this.#operator;
    const index = indexOfNumber(entry.value, time - this.#spec.sizeMs, number);
    const pane = entry.value[index];
    if (pane === undefined) return;
    state.touch(entry);
    entry.value.splice(index, 1);
    if (entry.value.length === 0) state.delete(entry);
    const { key } = entry;
    const window: TimeWindow = { startMs: pane.startMs, endMs: time };
    const { value } = pane;
    const { result } = this.#aggregation;
    const output = result === undefined ? { key, window, value } : result(key, window, value);
    // The last moment of the window, so that a later window puts it where its records belong.
    this.#outputs.emit(output, time - 1);
  }

  #addToOlder(key: string, record: unknown): void {
    const { sizeMs, everyMs } = this.#spec;
    const { recordTime, watermark } = this.#operator.clock;
    let startMs = this.#newest.startMs - everyMs;
    for (; startMs > recordTime - sizeMs; startMs -= everyMs) {
      const endMs = startMs + sizeMs;
      if (endMs > watermark) this.#add(key, record, { startMs, endMs });
    }
  }

  #add(key: string, record: unknown, window: TimeWindow): void {
    const aggregation = this.#aggregation;
    const { state } = this.#operator;
    const entry = state.get(key);
    const pane = entry === undefined ? undefined : paneOf(entry.value, window);
    if (entry === undefined || pane === undefined) {
      this.#open(key, window, aggregation.add(this.#initial(key), record, key));
      return;
    }
    state.touch(entry);
    pane.value = aggregation.add(pane.value, record, key);
  }

  #open(key: string, { startMs, endMs }: TimeWindow, value: unknown): void {
    const operator = this.#operator;
    const { state } = operator;
    const number = operator.nextNumber();
    const opened: Pane = { startMs, endMs, number, value };
    let entry = state.get(key);
    if (entry === undefined) entry = state.add(key, [opened]);
    else {
      state.touch(entry);
      entry.value.splice(indexOfPane(entry.value, startMs), 0, opened);
    }
    operator.timers.add(endMs, { entry, number });
  }
}

/** The panes of a key are in the order of their starts; most often the newest one is wanted. */
function paneOf(panes: readonly Pane[], window: TimeWindow): Pane | undefined {
  const { startMs } = window;
  const newest = panes[panes.length - 1];
  // Not `newest?.startMs`, which may be undefined: the number is put into a box to be compared.
  if (newest === undefined || newest.startMs < startMs) return undefined;
  if (isPaneOf(newest, window)) return newest;
  const pane = panes[indexOfPane(panes, startMs)];
  return pane !== undefined && isPaneOf(pane, window) ? pane : undefined;
}

function isPaneOf(pane: Pane, { startMs, endMs }: TimeWindow): boolean {
  return pane.startMs === startMs && pane.endMs === endMs;
}

/** One that another definition has opened begins elsewhere, and is looked for. */
function indexOfNumber(panes: readonly Pane[], startMs: number, number: number): number {
  const index = indexOfPane(panes, startMs);
  if (panes[index]?.number === number) return index;
  return panes.findIndex((pane) => pane.number === number);
}

/** In front of one with the same start and another end, which is of another definition. */
function indexOfPane(panes: readonly Pane[], startMs: number): number {
  return firstIndexNotBefore(panes, (pane) => pane.startMs < startMs);
}
