// Keyed state that event time acts upon: timers in the order in which they were set, saved with it.

import { beginningOfTime, timeFromJson, timeToJson } from '../flow/elements.js';
import {
  KeyedOperator,
  type KeyedLayout,
  type LayoutMigration,
  type OperatorSettings,
} from './keyed-operator.js';
import type { Entry, KeyedState } from './keyed-state.js';
import { Timers } from './timers.js';

/** A timer of one entry. Its number tells which of two for the same time was set first. */
export interface EntryTimer<Value> {
  readonly entry: Entry<Value>;
  readonly number: number;
}

export interface TimedLayout<Value> {
  readonly members: KeyedLayout<Value>['members'];
  readonly value: KeyedLayout<Value>['value'];
  readonly migration: LayoutMigration;
  /** The timers that an entry's value implies, with their numbers. */
  readonly timersOf: (value: Value) => Iterable<{ readonly time: number; readonly number: number }>;
}

interface TimedHeader {
  readonly watermark?: unknown;
  readonly nextNumber?: unknown;
}

/** Of a record in a stream without event time. */
export const noTime = Number.NaN;

/**
 * Where an operator is in event time. A class of its own with numbers only: so the engine changes
 * them in place, where a number that is handed from call to call is put into a new box for each record.
 */
export class EventClock {
  /** How far event time has come. Moved by the stage alone, forwards. */
  watermark = beginningOfTime;
  /** Of the record that is being processed; `noTime` in a stream without event time. */
  recordTime = noTime;
  nextNumber = 0;
}

export class TimedOperator<Value> extends KeyedOperator<Value> {
  readonly timers: Timers<EntryTimer<Value>>;
  readonly clock: EventClock;
  #isEnding = false;

  constructor(name: string, settings: OperatorSettings, layout: TimedLayout<Value>) {
    const timers = new Timers<EntryTimer<Value>>();
    const facts = new EventClock();
    super(name, settings, {
      members: layout.members,
      value: layout.value,
      migration: layout.migration,
      header: () => ({ watermark: timeToJson(facts.watermark), nextNumber: facts.nextNumber }),
      takeHeader: (header: TimedHeader | undefined) => {
        timers.clear();
        facts.watermark = timeFromJson(header?.watermark);
        facts.nextNumber = Number(header?.nextNumber ?? 0);
      },
      restored: (state) => setAll(timers, state, layout),
    });
    this.timers = timers;
    this.clock = facts;
  }

  get watermark(): number {
    return this.clock.watermark;
  }

  /**
   * Every input has ended: what is due fires now. A timer that sets itself again would otherwise
   * never let the input end.
   */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  beginEnd(): void {
    this.#isEnding = true;
  }

  override reset(): void {
    super.reset();
    this.#isEnding = false;
  }

  /** Numbers only grow, also across restarts. */
  nextNumber(): number {
    return this.clock.nextNumber++;
  }
}

/** Timers of one time fire in the order of their numbers, whatever order the entries were saved in. */
function setAll<Value>(
  timers: Timers<EntryTimer<Value>>,
  state: KeyedState<Value>,
  layout: TimedLayout<Value>,
): void {
  const all: { readonly time: number; readonly timer: EntryTimer<Value> }[] = [];
  for (const entry of state.entries()) {
    for (const { time, number } of layout.timersOf(entry.value)) {
      all.push({ time, timer: { entry, number } });
    }
  }
  all.sort((left, right) => left.timer.number - right.timer.number);
  for (const { time, timer } of all) timers.add(time, timer);
}
