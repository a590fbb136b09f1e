// Records of two streams with the same key and nearby times, in pairs.

import type { OperatorSettings } from '../state/keyed-operator.js';
import { firstIndexNotBefore } from '../state/sorted.js';
import { TimedOperator, type EntryTimer } from '../state/timed-operator.js';
import type { Receiver } from '../flow/elements.js';
import { requireFunctions, requireParts, type PartsOf } from '../validate-functions.js';
import { latePort, type PipelineOperator, type Wiring } from '../graph.js';
import { requireWholeSpan } from '../windows.js';
import { keyText, type KeyOf } from './keys.js';
import { TimedOutputs, TimedStage, type TimedLogic } from './timed-stage.js';

/** Options of an interval join. */
export interface JoinOptions<Left, Right, Out> {
  /** How far apart in event time two records may be. What is older than that is forgotten. */
  readonly withinMs: number;
  readonly combine: (left: Left, right: Right, key: string) => Out;
}

const joinParts: PartsOf<JoinOptions<unknown, unknown, unknown>> = {
  withinMs: 'any',
  combine: 'function',
};

/** A record that waits for those of the other side, which are kept in the order of their times. */
interface Waiting {
  readonly time: number;
  readonly number: number;
  readonly record: unknown;
}

/** By input: 0 is the left one. */
type Sides = readonly [Waiting[], Waiting[]];
type SavedSide = readonly (readonly [time: number, number: number, record: unknown])[];

export class JoinOperator implements PipelineOperator<TimedOperator<Sides>> {
  readonly name: string;
  readonly keysOf: readonly [KeyOf<unknown>, KeyOf<unknown>];
  readonly options: JoinOptions<unknown, unknown, unknown>;

  constructor(
    name: string,
    keysOf: readonly [KeyOf<unknown>, KeyOf<unknown>],
    options: JoinOptions<unknown, unknown, unknown>,
  ) {
    requireParts(name, options, joinParts);
    requireWholeSpan(name, options.withinMs);
    for (const keyOf of keysOf) requireFunctions(name, { keyOf });
    this.name = name;
    this.keysOf = keysOf;
    this.options = options;
  }

  prepare(settings: OperatorSettings): TimedOperator<Sides> {
    const { withinMs } = this.options;
    return new TimedOperator<Sides>(this.name, settings, {
      members: ([left, right]) => [saveSide(left), saveSide(right)],
      value: ([, left, right]) => [loadSide(left as SavedSide), loadSide(right as SavedSide)],
      migration: {
        kinds: ['join'],
        // Of a wider span: what the narrower one has forgotten cannot meet a record.
        mayChangeSettings: true,
        members: ([key, left, right], convert) => [
          key,
          convertSide(left as SavedSide, (record) => convert(record, 'left')),
          convertSide(right as SavedSide, (record) => convert(record, 'right')),
        ],
      },
      timersOf: (sides) =>
        sides.flat().map(({ time, number }) => ({ time: forgottenAt(time, withinMs), number })),
    });
  }

  connect(wiring: Wiring<TimedOperator<Sides>>): readonly Receiver[] {
    const outputs = new TimedOutputs(wiring, [latePort], true);
    const logic = new JoinLogic(this, wiring.participant, outputs);
    return TimedStage.receivers(wiring, outputs, logic, 2);
  }
}

class JoinLogic implements TimedLogic<Sides> {
  readonly #join: JoinOperator;
  readonly #operator: TimedOperator<Sides>;
  readonly #outputs: TimedOutputs<Sides>;

  constructor(join: JoinOperator, operator: TimedOperator<Sides>, outputs: TimedOutputs<Sides>) {
    this.#join = join;
    this.#operator = operator;
    this.#outputs = outputs;
  }

  onRecord(record: unknown, input: number): void {
    const { keysOf, options } = this.#join;
    const operator = this.#operator;
    const time = operator.clock.recordTime;
    if (Number.isNaN(time)) throw new Error('a join needs records with an event time');
    // Records that it could meet may have been forgotten: joining it with the rest would be a guess.
    if (time < operator.watermark) {
      this.#outputs.emit(record, time, latePort);
      return;
    }
    const isLeft = input === 0;
    const key = keyText(keysOf[isLeft ? 0 : 1](record));
    this.#emitPairs(key, { record, time, isLeft });
    const { state } = operator;
    let entry = state.get(key);
    if (entry === undefined) entry = state.add(key, [[], []]);
    else state.touch(entry);
    const number = operator.nextNumber();
    insert(entry.value[isLeft ? 0 : 1], { time, number, record });
    operator.timers.add(forgottenAt(time, options.withinMs), { entry, number });
  }

  /** Every record that is due by then goes at once: one by one each would move all that are behind it. */
  onTimer(dueTime: number, { entry }: EntryTimer<Sides>): void {
    const { options } = this.#join;
    const { state } = this.#operator;
    if (state.get(entry.key) !== entry) return;
    const isDue = ({ time }: Waiting): boolean => forgottenAt(time, options.withinMs) <= dueTime;
    const counts = entry.value.map((side) => firstIndexNotBefore(side, isDue));
    if (counts.every((count) => count === 0)) return;
    state.touch(entry);
    for (const [side, waiting] of entry.value.entries()) waiting.splice(0, counts[side]);
    if (entry.value.every((side) => side.length === 0)) state.delete(entry);
  }

  /** All pairs are made before any is sent: a combination that throws leaves none behind. */
  #emitPairs(key: string, arrived: { record: unknown; time: number; isLeft: boolean }): void {
    const { withinMs, combine } = this.#join.options;
    const { record, time, isLeft } = arrived;
    const others = this.#operator.state.get(key)?.value[isLeft ? 1 : 0] ?? [];
    const pairs: { readonly pair: unknown; readonly time: number }[] = [];
    const first = firstIndexNotBefore(others, (other) => other.time < time - withinMs);
    for (let index = first; index < others.length; index++) {
      const other = others[index];
      if (other === undefined || other.time > time + withinMs) break;
      const pair = isLeft ? combine(record, other.record, key) : combine(other.record, record, key);
      pairs.push({ pair, time: Math.max(time, other.time) });
    }
    for (const { pair, time: latest } of pairs) this.#outputs.emit(pair, latest);
  }
}

/** The first watermark after which no record can be near enough. */
function forgottenAt(time: number, withinMs: number): number {
  return time + withinMs + 1;
}

function saveSide(side: readonly Waiting[]): SavedSide {
  return side.map(({ time, number, record }) => [time, number, record]);
}

function convertSide(side: SavedSide, convert: (record: unknown) => unknown): SavedSide {
  return side.map(([time, number, record]) => [time, number, convert(record)]);
}

function loadSide(side: SavedSide): Waiting[] {
  return side
    .map(([time, number, record]) => ({ time, number, record }))
    .sort((left, right) => left.time - right.time);
}

/** Behind those of the same time: most records are newer than all that wait. */
function insert(side: Waiting[], waiting: Waiting): void {
  const { time } = waiting;
  const newest = side.at(-1);
  if (newest === undefined || newest.time <= time) side.push(waiting);
  else
    side.splice(
      firstIndexNotBefore(side, (other) => other.time <= time),
      0,
      waiting,
    );
}
