// The stage of an operator that a user has written whole: tells it of records, and of time before them.

import { Collector } from '../flow/collector.js';
import type { Batch, BarrierMark, Receiver, Room, TimeMark } from '../flow/elements.js';
import { endOfTime } from '../flow/elements.js';
import type { FlowRun } from '../flow/flow-run.js';
import type { Stage } from '../flow/inbox.js';
import type { RecordErrors } from '../flow/record-errors.js';
import { captureAt } from '../state/keyed-operator.js';
import type { CustomContext, CustomParticipant } from './custom-operator.js';
import { duringCall, type OneCall } from './one-call.js';

export interface CustomStageParts {
  readonly run: FlowRun;
  readonly participant: CustomParticipant;
  readonly errors: RecordErrors;
  readonly output: Receiver;
  readonly hasEventTime: boolean;
}

export class CustomStage implements Stage {
  readonly #parts: CustomStageParts;
  readonly #collector = new Collector();

  constructor(parts: CustomStageParts) {
    this.#parts = parts;
  }

  process({ records, eventTimes }: Batch): Room {
    // Where a stream with time meets one without, there is none for the operator to go by.
    const ownTimes = this.#parts.hasEventTime ? eventTimes : undefined;
    return this.#processFrom({ records, eventTimes: ownTimes }, 0);
  }

  time(mark: TimeMark): Room {
    const time = this.#timeOf(mark);
    const newest = this.#parts.participant.toldTime;
    return this.#then(this.#tell(time), () => {
      // The end of time is for the mark to bring: what is emitted at the end comes before it.
      const room = this.#flush(time === endOfTime ? newest : time);
      this.#parts.output.mark(mark);
      return room;
    });
  }

  barrier(mark: BarrierMark): void {
    const { participant, output } = this.#parts;
    captureAt(mark, participant.name, participant);
    output.mark(mark);
  }

  #processFrom(batch: Batch, start: number): Room {
    const { records, eventTimes } = batch;
    for (let index = start; index < records.length; index++) {
      // Derived from the records, not from the batches: where one ends must not change what an operator does.
      const telling = this.#tell(eventTimes?.watermarks[index]);
      if (telling !== undefined) return this.#after(telling, () => this.#processFrom(batch, index));
      const working = this.#take(batch, index);
      if (working === undefined) continue;
      return this.#after(working, () => this.#processFrom(batch, index + 1));
    }
    const watermark = eventTimes?.watermark;
    return this.#then(this.#tell(watermark), () => this.#flush(watermark));
  }

  #take({ records, eventTimes }: Batch, index: number): Promise<void> | undefined {
    const { participant } = this.#parts;
    const record = records[index];
    this.#collector.keep();
    try {
      const working = this.#call(
        eventTimes?.times[index],
        eventTimes?.watermarks[index],
        (context) => participant.operator.onRecord(record, context),
      );
      return working?.catch((error: unknown) => this.#leaveOut(record, error));
    } catch (error) {
      this.#leaveOut(record, error);
      return undefined;
    }
  }

  #leaveOut(record: unknown, error: unknown): void {
    this.#collector.drop();
    this.#parts.errors.handle(error, record);
  }

  /** Each time once, in this life or an earlier one: see `CustomParticipant`. */
  #tell(watermark: number | undefined): Promise<void> | undefined {
    const { participant, hasEventTime } = this.#parts;
    const { toldTime } = participant;
    if (watermark === undefined || watermark <= toldTime) return undefined;
    const latest = watermark === endOfTime ? toldTime : watermark;
    const time = hasEventTime ? latest : undefined;
    return this.#call(time, time, (context) => participant.tell(watermark, context));
  }

  #then(working: Promise<void> | undefined, rest: () => Room): Room {
    return working === undefined ? rest() : this.#after(working, rest);
  }

  async #after(working: Promise<void>, rest: () => Room): Promise<void> {
    await working;
    if (!this.#parts.run.isOver) await rest();
  }

  #call(
    time: number | undefined,
    watermark: number | undefined,
    call: (context: CustomContext<unknown>) => void | Promise<void>,
  ): Promise<void> | undefined {
    return duringCall(this.#parts.participant.name, (current) =>
      call(this.#context(time, watermark, current)),
    );
  }

  #context(
    time: number | undefined,
    watermark: number | undefined,
    current: OneCall,
  ): CustomContext<unknown> {
    const collector = this.#collector;
    return {
      time,
      emit: (record) => {
        current.check('emit');
        if (time === undefined || watermark === undefined) collector.add(record);
        else collector.addTimed(record, time, watermark);
      },
    };
  }

  #flush(watermark: number | undefined): Room {
    const { output, errors, hasEventTime } = this.#parts;
    const batch = this.#collector.take(hasEventTime ? watermark : undefined);
    const isEmpty = batch.records.length === 0 && batch.eventTimes === undefined;
    return errors.flush(isEmpty ? undefined : output.accept(batch));
  }

  #timeOf(mark: TimeMark): number | undefined {
    if (mark.kind === 'end') return endOfTime;
    return mark.kind === 'watermark' && this.#parts.hasEventTime ? mark.time : undefined;
  }
}
