// A stage on which event time acts: fires what is due before each record, and lets others go first.

import { assert } from '../../assert.js';
import { Collector } from '../flow/collector.js';
import {
  beginningOfTime,
  bothRooms,
  endOfTime,
  type Batch,
  type BarrierMark,
  type Receiver,
  type Room,
  type TimeMark,
} from '../flow/elements.js';
import type { FlowRun } from '../flow/flow-run.js';
import type { Stage } from '../flow/inbox.js';
import type { RecordErrors } from '../flow/record-errors.js';
import { latePort, mainPort } from '../graph.js';
import { captureAt } from '../state/keyed-operator.js';
import type { EntryTimer, TimedOperator } from '../state/timed-operator.js';

/** Where the logic of a stage sends records: everything leaves when the batch is done. */
export interface Emitter {
  /** @param time Event time of the record; ignored in a stream without. */
  emit(record: unknown, time: number, port?: string): void;
}

/** What a kind of timed operator does. It may throw: the record is then treated by the policy. */
export interface TimedLogic<Value> {
  /** @param time Undefined in a stream without event time. */
  onRecord(record: unknown, time: number | undefined, input: number): void;
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
const firingsMax = 1_024;

export class TimedStage<Value> implements Stage, Emitter {
  readonly #parts: TimedStageParts<Value>;
  readonly #logic: TimedLogic<Value>;
  readonly #outputs: ReadonlyMap<string, { collector: Collector; receiver: Receiver }>;

  constructor(parts: TimedStageParts<Value>) {
    this.#parts = parts;
    this.#logic = parts.logic(this);
    this.#outputs = new Map(
      parts.ports.map((port) => [
        port,
        { collector: new Collector(), receiver: parts.output(port) },
      ]),
    );
  }

  emit(record: unknown, time: number, port: string = mainPort): void {
    const collector = this.#outputs.get(port)?.collector;
    if (collector === undefined) throw new Error(`there is no output ${port}`);
    const { hasEventTime, operator, countLate } = this.#parts;
    if (port === latePort) countLate();
    if (hasEventTime) collector.addTimed(record, time, operator.watermark);
    else collector.add(record);
  }

  process(batch: Batch, input: number): Room {
    return this.#processFrom(batch, 0, input);
  }

  time(mark: TimeMark): Room {
    if (mark.kind === 'idle') {
      this.#main().mark(mark);
      return undefined;
    }
    if (mark.kind === 'end') this.#parts.operator.beginEnd();
    return this.#moveTo(mark.kind === 'end' ? endOfTime : mark.time, mark);
  }

  barrier(mark: BarrierMark): void {
    const { operator } = this.#parts;
    captureAt(mark, operator.name, operator);
    this.#main().mark(mark);
  }

  #processFrom(batch: Batch, start: number, input: number): Room {
    const { errors, operator } = this.#parts;
    const { clock } = operator;
    const { records, eventTimes } = batch;
    const times = eventTimes?.times;
    const watermarks = eventTimes?.watermarks;
    for (let index = start; index < records.length; index++) {
      const before = watermarks?.[index] ?? beginningOfTime;
      // Also a timer that was set for a time that has passed fires before the next record.
      const isDue = before > clock.watermark || operator.timers.earliest <= before;
      if (isDue && !this.#moveClock(before)) {
        return this.#later(() => this.#processFrom(batch, index, input));
      }
      try {
        this.#logic.onRecord(records[index], times?.[index], input);
      } catch (error) {
        errors.handle(error, records[index]);
      }
    }
    if (!this.#moveClock(eventTimes?.watermark ?? beginningOfTime)) {
      return this.#later(() => this.#processFrom(batch, records.length, input));
    }
    return this.#flush();
  }

  #moveTo(time: number, mark: TimeMark): Room {
    if (!this.#moveClock(time)) return this.#later(() => this.#moveTo(time, mark));
    const room = this.#flush();
    this.#main().mark(mark);
    return room;
  }

  /** False when there is more to fire than should be fired at a stretch. */
  #moveClock(time: number): boolean {
    const { operator, errors } = this.#parts;
    const { timers, clock } = operator;
    for (let fired = 0; timers.earliest <= time; fired++) {
      if (fired === firingsMax) return false;
      const due = timers.takeDue(time);
      if (due === undefined) break;
      try {
        this.#logic.onTimer(due.time, due.item);
      } catch (error) {
        errors.handle(error, { key: due.item.entry.key, time: due.time });
      }
    }
    if (time > clock.watermark) clock.watermark = time;
    return true;
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

  /** Marks that go this way go out of every port. */
  #main(): Receiver {
    const main = this.#outputs.get(mainPort);
    assert(main !== undefined, 'a stage has no main output');
    return main.receiver;
  }
}
