// A stage on which event time acts: fires what is due before each record, and lets others go first.

import { assert } from '../../assert.js';
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
import type { Stage } from '../flow/inbox.js';
import type { RecordErrors } from '../flow/record-errors.js';
import { latePort, mainPort } from '../graph.js';
import { captureAt } from '../state/keyed-operator.js';
import { noTime, type EntryTimer, type TimedOperator } from '../state/timed-operator.js';

/** Where the logic of a stage sends records: everything leaves when the batch is done. */
export interface Emitter {
  /** @param time Event time of the record; ignored in a stream without. */
  emit(record: unknown, time: number, port?: string): void;
}

/** What a kind of timed operator does. It may throw: the record is then treated by the policy. */
export interface TimedLogic<Value> {
  /** Its time is the clock's `recordTime`. */
  onRecord(record: unknown, input: number): void;
  /** A timer is due. It may have been deleted since it was set. */
  onTimer(time: number, timer: EntryTimer<Value>): void;
}

export interface TimedStageParts<Value> {
  readonly run: FlowRun;
  readonly operator: TimedOperator<Value>;
  readonly errors: RecordErrors;
  readonly output: (port: string) => Receiver;
  /** A record came after its time. */
  readonly countLate: () => void;
  readonly ports: readonly string[];
  readonly hasEventTime: boolean;
  readonly logic: (emitter: Emitter) => TimedLogic<Value>;
}

/** Firings at a stretch: a window that closes for a million keys must not block the event loop. */
const maxFirings = 1_024;

export class TimedStage<Value> implements Stage, Emitter {
  readonly #parts: TimedStageParts<Value>;
  readonly #logic: TimedLogic<Value>;
  readonly #main: Output;
  readonly #outputs: ReadonlyMap<string, Output>;
  readonly #collectors: readonly Collector[];
  /** The call of the logic that is under way has sent something. */
  #hasEmitted = false;

  constructor(parts: TimedStageParts<Value>) {
    this.#parts = parts;
    this.#logic = parts.logic(this);
    this.#outputs = new Map(
      parts.ports.map((port) => [
        port,
        { collector: new Collector(), receiver: parts.output(port) },
      ]),
    );
    this.#collectors = [...this.#outputs.values()].map(({ collector }) => collector);
    const main = this.#outputs.get(mainPort);
    assert(main !== undefined, 'a stage has no main output');
    this.#main = main;
  }

  emit(record: unknown, time: number, port: string = mainPort): void {
    const output = port === mainPort ? this.#main : this.#outputs.get(port);
    if (output === undefined) throw new Error(`there is no output ${port}`);
    const { collector } = output;
    const { hasEventTime, operator, countLate } = this.#parts;
    this.#hasEmitted = true;
    if (port === latePort) countLate();
    if (hasEventTime) collector.addTimed(record, time, operator.watermark);
    else collector.add(record);
  }

  process(batch: Batch, input: number): Room {
    return this.#processFrom(batch, 0, input);
  }

  time(mark: TimeMark): Room {
    if (mark.kind === 'idle') {
      this.#main.receiver.mark(mark);
      return undefined;
    }
    return this.#moveTo(mark.kind === 'end' ? endOfTime : mark.time, mark);
  }

  barrier(mark: BarrierMark): void {
    const { operator } = this.#parts;
    captureAt(mark, operator.name, operator);
    // Marks that go this way go out of every port.
    this.#main.receiver.mark(mark);
  }

  #processFrom(batch: Batch, start: number, input: number): Room {
    const { records, eventTimes } = batch;
    const next = this.#work(batch, start, input);
    const isDone =
      next === records.length && this.#moveClock(eventTimes?.watermark ?? beginningOfTime);
    return isDone ? this.#flush() : this.#later(() => this.#processFrom(batch, next, input));
  }

  /**
   * Hands the records to the logic; answers the first one that has to wait, because there is more to
   * fire before it than should be fired at a stretch.
   */
  #work({ records, eventTimes }: Batch, start: number, input: number): number {
    if (eventTimes !== undefined) return this.#workInTime(records, eventTimes, start, input);
    this.#parts.operator.clock.recordTime = noTime;
    for (let index = start; index < records.length; index++) {
      try {
        this.#logic.onRecord(records[index], input);
        if (this.#hasEmitted) this.#keepOutput();
      } catch (error) {
        this.#dropOutput();
        this.#parts.errors.handle(error, records[index]);
      }
    }
    return records.length;
  }

  /** The innermost loop: what it calls for a record is small enough to be compiled into it. */
  #workInTime(
    records: readonly unknown[],
    { times, watermarks }: EventTimes,
    start: number,
    input: number,
  ): number {
    const { clock, timers } = this.#parts.operator;
    const logic = this.#logic;
    for (let index = start; index < records.length; index++) {
      const before = watermarks[index] ?? Number.NaN;
      // Also a timer that was set for a time that has passed fires before the next record.
      if (timers.earliest <= before && !this.#moveClock(before)) return index;
      if (before > clock.watermark) clock.watermark = before;
      clock.recordTime = times[index] ?? Number.NaN;
      try {
        logic.onRecord(records[index], input);
        if (this.#hasEmitted) this.#keepOutput();
      } catch (error) {
        this.#dropOutput();
        this.#parts.errors.handle(error, records[index]);
      }
    }
    return records.length;
  }

  #moveTo(time: number, mark: TimeMark): Room {
    if (!this.#moveClock(time)) return this.#later(() => this.#moveTo(time, mark));
    const room = this.#flush();
    this.#main.receiver.mark(mark);
    return room;
  }

  /** False when there is more to fire than should be fired at a stretch. */
  #moveClock(time: number): boolean {
    const { operator, errors } = this.#parts;
    const { timers, clock } = operator;
    // Not at the mark: the last batch of a window before this one is at the end of time already.
    if (time === endOfTime) operator.beginEnd();
    for (let fired = 0; timers.earliest <= time; fired++) {
      if (fired === maxFirings) return false;
      const due = timers.takeDue(time);
      if (due === undefined) break;
      try {
        this.#logic.onTimer(due.time, due.item);
        if (this.#hasEmitted) this.#keepOutput();
      } catch (error) {
        this.#dropOutput();
        errors.handle(error, { key: due.item.entry.key, time: due.time });
      }
    }
    if (time > clock.watermark) clock.watermark = time;
    return true;
  }

  #keepOutput(): void {
    this.#hasEmitted = false;
    for (const collector of this.#collectors) collector.keep();
  }

  #dropOutput(): void {
    this.#hasEmitted = false;
    for (const collector of this.#collectors) collector.drop();
  }

  async #later(rest: () => Room): Promise<void> {
    const { run } = this.#parts;
    await this.#flush();
    await run.slice.pass();
    if (!run.isOver) await rest();
  }

  #flush(): Room {
    const { errors, hasEventTime, operator } = this.#parts;
    let room: Room;
    for (const { collector, receiver } of this.#outputs.values()) {
      const batch = collector.take(hasEventTime ? operator.watermark : undefined);
      // An empty batch still carries how far time has come.
      if (batch.records.length > 0 || hasEventTime) room = bothRooms(room, receiver.accept(batch));
    }
    return errors.flush(room);
  }
}

interface Output {
  readonly collector: Collector;
  readonly receiver: Receiver;
}
