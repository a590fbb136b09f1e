// Sliding windows that overlap and can be merged: each record is added once, to its slice.

import type { Receiver } from '../flow/elements.js';
import { requireFunctions } from '../validate-functions.js';
import { latePort, type PipelineOperator, type Wiring } from '../graph.js';
import type { OperatorSettings } from '../state/keyed-operator.js';
import type { Entry } from '../state/keyed-state.js';
import { TimedOperator, type EntryTimer } from '../state/timed-operator.js';
import { initializer } from './aggregate.js';
import { keyText } from './keys.js';
import { Slices, type Merge } from './slices.js';
import { TimedOutputs, TimedStage, type TimedLogic } from './timed-stage.js';
import type { WindowParts } from './window.js';
import { NewestWindow, SliceGrid, type TimeWindow } from '../windows.js';

/** The open slices of one key. Only the next window has a timer: the one behind it follows from it. */
interface Sliced {
  readonly slices: Slices;
  nextEndMs: number;
  /** Of the timer at `nextEndMs`; an earlier timer with another number is void. */
  number: number;
}

type SavedSlice = readonly [startMs: number, value: unknown];

/** As `WindowParts`, with a `merge`. */
export interface SlicedWindowParts extends WindowParts {
  readonly merge: Merge;
}

export class SlicedWindowOperator implements PipelineOperator<TimedOperator<Sliced>> {
  readonly #parts: SlicedWindowParts;
  readonly #initial: (key: string) => unknown;

  constructor(parts: SlicedWindowParts) {
    requireFunctions(parts.name, { keyOf: parts.keyOf });
    this.#parts = parts;
    this.#initial = initializer(parts.name, parts.aggregation.initial);
  }

  prepare(settings: OperatorSettings): TimedOperator<Sliced> {
    const { name, spec, merge } = this.#parts;
    const grid = new SliceGrid(spec);
    return new TimedOperator<Sliced>(name, settings, {
      members: ({ slices, nextEndMs, number }) => [
        nextEndMs,
        number,
        slices.all().map((slice) => [grid.startOf(slice.number), slice.value]),
      ],
      value: ([, nextEndMs, number, saved]) => ({
        nextEndMs: nextEndMs as number,
        number: number as number,
        slices: new Slices(
          merge,
          (saved as readonly SavedSlice[]).map(([startMs, value]) => ({
            number: grid.sliceAt(startMs),
            value,
          })),
        ),
      }),
      migration: {
        kinds: ['window'],
        // Slices of other windows have other bounds.
        mayChangeSettings: false,
        members: ([key, nextEndMs, number, slices], convert) => [
          key,
          nextEndMs,
          number,
          (slices as readonly SavedSlice[]).map(([startMs, value]) => [startMs, convert(value)]),
        ],
      },
      timersOf: ({ nextEndMs, number }) => [{ time: nextEndMs, number }],
    });
  }

  connect(wiring: Wiring<TimedOperator<Sliced>>): readonly Receiver[] {
    const outputs = new TimedOutputs(wiring, [latePort], true);
    const logic = new SlicedWindowLogic(this.#parts, this.#initial, wiring.participant, outputs);
    return TimedStage.receivers(wiring, outputs, logic);
  }
}

class SlicedWindowLogic implements TimedLogic<Sliced> {
  readonly #parts: SlicedWindowParts;
  readonly #initial: (key: string) => unknown;
  readonly #operator: TimedOperator<Sliced>;
  readonly #outputs: TimedOutputs<Sliced>;
  readonly #grid: SliceGrid;
  readonly #newest = new NewestWindow();

  constructor(
    parts: SlicedWindowParts,
    initial: (key: string) => unknown,
    operator: TimedOperator<Sliced>,
    outputs: TimedOutputs<Sliced>,
  ) {
    this.#parts = parts;
    this.#initial = initial;
    this.#operator = operator;
    this.#outputs = outputs;
    this.#grid = new SliceGrid(parts.spec);
  }

  onRecord(record: unknown): void {
    const { spec, keyOf, aggregation } = this.#parts;
    const operator = this.#operator;
    const { recordTime: time, watermark } = operator.clock;
    const newest = this.#newest;
    if (!(time >= newest.startMs && time < newest.nextStartMs)) newest.moveTo(time, spec);
    // The last window that the slice belongs to has been sent on.
    if (newest.endMs <= watermark) {
      this.#outputs.emit(record, time, latePort);
      return;
    }
    const key = keyText(keyOf(record));
    const number = this.#grid.sliceAt(time);
    const entry = operator.state.get(key);
    if (entry !== undefined) operator.state.touch(entry);
    const slice = entry?.value.slices.open(number);
    if (slice !== undefined) {
      slice.value = aggregation.add(slice.value, record, key);
      return;
    }
    this.#open(key, entry, number, aggregation.add(this.#initial(key), record, key));
  }

  onTimer(time: number, { entry, number }: EntryTimer<Sliced>): void {
    const { spec, aggregation } = this.#parts;
    const operator = this.#operator;
    const isCurrent = operator.state.get(entry.key) === entry && entry.value.number === number;
    if (!isCurrent) return;
    operator.state.touch(entry);
    const { key, value: sliced } = entry;
    const window: TimeWindow = { startMs: time - spec.sizeMs, endMs: time };
    let output: unknown;
    try {
      const start = this.#grid.sliceAt(window.startMs);
      const value = sliced.slices.merged(start, this.#grid.sliceAt(window.endMs));
      const { result } = aggregation;
      output = result === undefined ? { key, window, value } : result(key, window, value);
    } finally {
      // Also where it throws: what is skipped is this window, not those behind it.
      this.#goOn(entry, time);
    }
    this.#outputs.emit(output, time - 1);
  }

  #open(key: string, entry: Entry<Sliced> | undefined, number: number, value: unknown): void {
    const operator = this.#operator;
    const from = Math.max(this.#grid.startOf(number), operator.watermark);
    const endMs = this.#grid.firstEndAfter(from);
    if (entry === undefined) {
      const slices = new Slices(this.#parts.merge, [{ number, value }]);
      const opened = { slices, nextEndMs: endMs, number: operator.nextNumber() };
      this.#setTimer(operator.state.add(key, opened));
      return;
    }
    const { value: sliced } = entry;
    sliced.slices.add(number, value);
    if (endMs >= sliced.nextEndMs) return;
    sliced.nextEndMs = endMs;
    sliced.number = operator.nextNumber();
    this.#setTimer(entry);
  }

  /** To the next window that has a slice; slices that no later window has are forgotten. */
  #goOn(entry: Entry<Sliced>, endMs: number): void {
    const { spec } = this.#parts;
    const operator = this.#operator;
    const { slices } = entry.value;
    const nextEndMs = endMs + spec.everyMs;
    slices.dropBefore(this.#grid.sliceAt(nextEndMs - spec.sizeMs));
    const { first } = slices;
    if (first === undefined) {
      operator.state.delete(entry);
      return;
    }
    const firstEndMs = this.#grid.firstEndAfter(this.#grid.startOf(first.number));
    entry.value.nextEndMs = Math.max(nextEndMs, firstEndMs);
    entry.value.number = operator.nextNumber();
    this.#setTimer(entry);
  }

  #setTimer(entry: Entry<Sliced>): void {
    const { nextEndMs, number } = entry.value;
    this.#operator.timers.add(nextEndMs, { entry, number });
  }
}
