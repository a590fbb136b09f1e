// A stage on which event time acts: fires what is due before each record, and lets others go first.

import { Collector } from '../flow/collector.js';
import {
  beginningOfTime,
  bothRooms,
  endOfTime,
  type Batch,
  type BarrierMark,
  type EventTimes,
  type Receiver,
  type Room,
  type TimeMark,
} from '../flow/elements.js';
import type { FlowRun } from '../flow/flow-run.js';
import { Inbox, type Stage } from '../flow/inbox.js';
import type { RecordErrors } from '../flow/record-errors.js';
import { latePort, mainPort, type Wiring } from '../graph.js';
import { captureAt } from '../state/keyed-operator.js';
import { noTime, type EntryTimer, type TimedOperator } from '../state/timed-operator.js';

/** What a kind of timed operator does. It may throw: the record is then treated by the policy. */
export interface TimedLogic<Value> {
  /** Its time is the clock's `recordTime`. */
  onRecord(record: unknown, input: number): void;
  /** A timer is due. It may have been deleted since it was set. */
  onTimer(time: number, timer: EntryTimer<Value>): void;
}

interface Output {
  readonly collector: Collector;
  readonly receiver: Receiver;
}

/** Where the logic of a stage sends records: everything leaves when the batch is done. */
export class TimedOutputs<Value> {
  readonly main: Receiver;
  /** The call of the logic that is under way has sent something. */
  hasEmitted = false;
  readonly #operator: TimedOperator<Value>;
  readonly #hasEventTime: boolean;
  readonly #countLate: () => void;
  readonly #main: Output;
  readonly #outputs: ReadonlyMap<string, Output>;
  readonly #all: readonly Output[];

  constructor(
    { participant, output, countLate }: Wiring<TimedOperator<Value>>,
    sides: readonly string[],
    hasEventTime: boolean,
  ) {
    const outputTo = (port: string): Output => ({
      collector: new Collector(),
      receiver: output(port),
    });
    this.#operator = participant;
    this.#hasEventTime = hasEventTime;
    this.#countLate = countLate;
    this.#main = outputTo(mainPort);
    this.main = this.#main.receiver;
    this.#outputs = new Map(sides.map((port) => [port, outputTo(port)]));
    this.#all = [this.#main, ...this.#outputs.values()];
  }

  /** @param time Event time of the record; ignored in a stream without. */
  emit(record: unknown, time: number, port: string = mainPort): void {
    const output = port === mainPort ? this.#main : this.#outputs.get(port);
    if (output === undefined) throw new Error(`there is no output ${port}`);
    const { collector } = output;
    this.hasEmitted = true;
    if (port === latePort) this.#countLate();
    if (this.#hasEventTime) collector.addTimed(record, time, this.#operator.watermark);
    else collector.add(record);
  }

  /** What the call has sent stays. */
  keep(): void {
    this.hasEmitted = false;
    for (const { collector } of this.#all) collector.keep();
  }

  /** The call has thrown: nothing of it is sent. */
  drop(): void {
    this.hasEmitted = false;
    for (const { collector } of this.#all) collector.drop();
  }

  flush(): Room {
    let room: Room;
    for (const { collector, receiver } of this.#all) {
      const batch = collector.take(this.#hasEventTime ? this.#operator.watermark : undefined);
      // An empty batch still carries how far time has come.
      if (batch.records.length > 0 || this.#hasEventTime)
        room = bothRooms(room, receiver.accept(batch));
    }
    return room;
  }
}

/** Firings at a stretch: a window that closes for a million keys must not block the event loop. */
const maxFirings = 1_024;

export class TimedStage<Value> implements Stage {
  readonly #run: FlowRun;
  readonly #operator: TimedOperator<Value>;
  readonly #errors: RecordErrors;
  readonly #outputs: TimedOutputs<Value>;
  readonly #logic: TimedLogic<Value>;

  constructor(
    { run, participant, errors }: Wiring<TimedOperator<Value>>,
    outputs: TimedOutputs<Value>,
    logic: TimedLogic<Value>,
  ) {
    this.#run = run;
    this.#operator = participant;
    this.#errors = errors;
    this.#outputs = outputs;
    this.#logic = logic;
  }

  /** The ends of the inputs of such a stage. */
  static receivers<Value>(
    wiring: Wiring<TimedOperator<Value>>,
    outputs: TimedOutputs<Value>,
    logic: TimedLogic<Value>,
    inputs = 1,
  ): readonly Receiver[] {
    return new Inbox(wiring.run, new TimedStage(wiring, outputs, logic), inputs).receivers;
  }

  /** @param start Where the stage goes on after it has let others go first. */
  process(batch: Batch, input: number, start = 0): Room {
    const { records, eventTimes } = batch;
    const next =
      eventTimes === undefined
        ? this.#work(records, start, input)
        : this.#workInTime(records, eventTimes, start, input);
    const isDone =
      next === records.length && this.#moveClock(eventTimes?.watermark ?? beginningOfTime);
    return isDone ? this.#flush() : this.#later(() => this.process(batch, input, next));
  }

  time(mark: TimeMark): Room {
    if (mark.kind === 'idle') {
      this.#outputs.main.mark(mark);
      return undefined;
    }
    return this.#moveTo(mark.kind === 'end' ? endOfTime : mark.time, mark);
  }

  barrier(mark: BarrierMark): void {
    captureAt(mark, this.#operator.name, this.#operator);
    // Marks that go this way go out of every port.
    this.#outputs.main.mark(mark);
  }

  #work(records: readonly unknown[], start: number, input: number): number {
    const logic = this.#logic;
    const outputs = this.#outputs;
    this.#operator.clock.recordTime = noTime;
    for (let index = start; index < records.length; index++) {
      try {
        logic.onRecord(records[index], input);
        if (outputs.hasEmitted) outputs.keep();
      } catch (error) {
        outputs.drop();
        this.#errors.handle(error, records[index]);
      }
    }
    return records.length;
  }

  /**
   * The innermost loop: what it calls for a record is small enough to be compiled into it. Answers the
   * first record that has to wait: there is more to fire before it than should be fired at a stretch.
   */
  #workInTime(
    records: readonly unknown[],
    { times, watermarks }: EventTimes,
    start: number,
    input: number,
  ): number {
    const { clock, timers } = this.#operator;
    const logic = this.#logic;
    const outputs = this.#outputs;
    for (let index = start; index < records.length; index++) {
      const before = watermarks[index] ?? Number.NaN;
      // Also a timer that was set for a time that has passed fires before the next record.
      if (timers.earliest <= before && !this.#moveClock(before)) return index;
      if (before > clock.watermark) clock.watermark = before;
      clock.recordTime = times[index] ?? Number.NaN;
      try {
        logic.onRecord(records[index], input);
        if (outputs.hasEmitted) outputs.keep();
      } catch (error) {
        outputs.drop();
        this.#errors.handle(error, records[index]);
      }
    }
    return records.length;
  }

  #moveTo(time: number, mark: TimeMark): Room {
    if (!this.#moveClock(time)) return this.#later(() => this.#moveTo(time, mark));
    const room = this.#flush();
    this.#outputs.main.mark(mark);
    return room;
  }

  /** False when there is more to fire than should be fired at a stretch. */
  #moveClock(time: number): boolean {
    const operator = this.#operator;
    const outputs = this.#outputs;
    const { timers, clock } = operator;
    // Not at the mark: the last batch of a window before this one is at the end of time already.
    if (time === endOfTime) operator.beginEnd();
    for (let fired = 0; timers.earliest <= time; fired++) {
      if (fired === maxFirings) return false;
      const due = timers.takeDue(time);
      if (due === undefined) break;
      try {
        this.#logic.onTimer(due.time, due.item);
        if (outputs.hasEmitted) outputs.keep();
      } catch (error) {
        outputs.drop();
        this.#errors.handle(error, { key: due.item.entry.key, time: due.time });
      }
    }
    if (time > clock.watermark) clock.watermark = time;
    return true;
  }

  async #later(rest: () => Room): Promise<void> {
    const run = this.#run;
    await this.#flush();
    await run.slice.pass();
    if (!run.isOver) await rest();
  }

  #flush(): Room {
    return this.#errors.flush(this.#outputs.flush());
  }
}
