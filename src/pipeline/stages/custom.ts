// An operator that a user has written whole: its state is its own, and takes part in checkpoints.

import type { Operator } from '../../contracts/operator.js';
import { Collector } from '../flow/collector.js';
import type { Batch, BarrierMark, Receiver, Room, TimeMark } from '../flow/elements.js';
import { endOfTime } from '../flow/elements.js';
import type { FlowRun } from '../flow/flow-run.js';
import type { Stage } from '../flow/inbox.js';
import type { RecordErrors } from '../flow/record-errors.js';
import { captureAt } from '../state/keyed-operator.js';

export interface CustomContext<Out> {
  /** Of the record; undefined in a stream without event time. */
  readonly time: number | undefined;
  /** The record sent on has the time of the one that came in. */
  emit(record: Out): void;
}

/**
 * Obligations beyond those of `Operator`:
 *
 * 1. `onRecord` and `onTime` are called one at a time, in order; the next call waits for a promise
 *    that they return. A barrier passes between two calls.
 * 2. What they emit is emitted before they settle.
 * 3. What `onRecord` changes, it changes only when it does not throw: the error policy may skip it.
 */
export interface CustomOperator<Rec, Out> extends Operator {
  onRecord(record: Rec, context: CustomContext<Out>): void | Promise<void>;
  /** Event time has come to here; infinite at the end of the input. */
  onTime?(watermark: number, context: CustomContext<Out>): void | Promise<void>;
}

export interface CustomStageParts {
  readonly name: string;
  readonly run: FlowRun;
  readonly operator: CustomOperator<unknown, unknown>;
  readonly errors: RecordErrors;
  readonly output: Receiver;
}

export class CustomStage implements Stage {
  readonly #parts: CustomStageParts;
  readonly #collector = new Collector();

  constructor(parts: CustomStageParts) {
    this.#parts = parts;
  }

  process(batch: Batch): Room {
    return this.#processFrom(batch, 0);
  }

  time(mark: TimeMark): Room {
    const { operator, output } = this.#parts;
    const time = timeOf(mark);
    const working = time === undefined ? undefined : operator.onTime?.(time, this.#context(time));
    const finish = (): Room => {
      const room = this.#flush(time);
      output.mark(mark);
      return room;
    };
    return working === undefined ? finish() : this.#after(working, finish);
  }

  barrier(mark: BarrierMark): void {
    const { name, operator, output } = this.#parts;
    captureAt(mark, name, operator);
    output.mark(mark);
  }

  #processFrom(batch: Batch, start: number): Room {
    const { operator, errors } = this.#parts;
    const { records, eventTimes } = batch;
    for (let index = start; index < records.length; index++) {
      const record = records[index];
      const before = eventTimes?.watermarks[index];
      try {
        const context = this.#context(eventTimes?.times[index], before);
        const working = operator.onRecord(record, context);
        if (working === undefined) continue;
        const handled = working.catch((error: unknown) => errors.handle(error, record));
        return this.#after(handled, () => this.#processFrom(batch, index + 1));
      } catch (error) {
        errors.handle(error, record);
      }
    }
    return this.#flush(eventTimes?.watermark);
  }

  async #after(working: Promise<void>, rest: () => Room): Promise<void> {
    await working;
    if (!this.#parts.run.isOver) await rest();
  }

  #context(time: number | undefined, before = time): CustomContext<unknown> {
    const collector = this.#collector;
    return {
      time,
      emit: (record) => {
        if (time === undefined || before === undefined) collector.add(record);
        else collector.addTimed(record, time, before);
      },
    };
  }

  #flush(watermark: number | undefined): Room {
    const { output, errors } = this.#parts;
    const batch = this.#collector.take(watermark);
    const isEmpty = batch.records.length === 0 && watermark === undefined;
    return errors.flush(isEmpty ? undefined : output.accept(batch));
  }
}

function timeOf(mark: TimeMark): number | undefined {
  if (mark.kind === 'idle') return undefined;
  return mark.kind === 'end' ? endOfTime : mark.time;
}
