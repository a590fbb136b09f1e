// An operator that a user has written whole, in a pipeline: it gets records, and time before them.

import { Collector } from '../flow/collector.js';
import type { Batch, BarrierMark, Receiver, Room, TimeMark } from '../flow/elements.js';
import { endOfTime } from '../flow/elements.js';
import type { FlowRun } from '../flow/flow-run.js';
import { Inbox, type Stage } from '../flow/inbox.js';
import type { RecordErrors } from '../flow/record-errors.js';
import { mainPort, type PipelineOperator, type Wiring } from '../graph.js';
import { captureAt, type OperatorSettings } from '../state/keyed-operator.js';
import { duringCall, type CallScope } from './call-scope.js';
import {
  CustomParticipant,
  requireCustomOperator,
  type CustomContext,
  type CustomOperator,
} from './custom-operator.js';

export class CustomPipelineOperator implements PipelineOperator<CustomParticipant> {
  readonly #name: string;
  readonly #operator: CustomOperator<unknown, unknown>;
  readonly #hasEventTime: boolean;

  constructor(name: string, operator: CustomOperator<unknown, unknown>, hasEventTime: boolean) {
    requireCustomOperator(name, operator);
    this.#name = name;
    this.#operator = operator;
    this.#hasEventTime = hasEventTime;
  }

  prepare({ identity }: OperatorSettings): CustomParticipant {
    return new CustomParticipant(this.#name, this.#operator, identity);
  }

  connect(wiring: Wiring<CustomParticipant>): readonly Receiver[] {
    return new Inbox(wiring.run, new CustomStage(wiring, this.#hasEventTime), 1).receivers;
  }
}

class CustomStage implements Stage {
  readonly #run: FlowRun;
  readonly #participant: CustomParticipant;
  readonly #errors: RecordErrors;
  readonly #output: Receiver;
  readonly #hasEventTime: boolean;
  readonly #collector = new Collector();

  constructor(
    { run, participant, errors, output }: Wiring<CustomParticipant>,
    hasEventTime: boolean,
  ) {
    this.#run = run;
    this.#participant = participant;
    this.#errors = errors;
    this.#output = output(mainPort);
    this.#hasEventTime = hasEventTime;
  }

  process({ records, eventTimes }: Batch): Room {
    // Where a stream with time meets one without, there is none for the operator to go by.
    const ownTimes = this.#hasEventTime ? eventTimes : undefined;
    return this.#processFrom({ records, eventTimes: ownTimes }, 0);
  }

  time(mark: TimeMark): Room {
    const time = this.#timeOf(mark);
    const newest = this.#participant.lastWatermark;
    return this.#then(this.#advanceTo(time), () => {
      // The end of time is for the mark to bring: what is emitted at the end comes before it.
      const room = this.#flush(time === endOfTime ? newest : time);
      this.#output.mark(mark);
      return room;
    });
  }

  barrier(mark: BarrierMark): void {
    captureAt(mark, this.#participant.name, this.#participant);
    this.#output.mark(mark);
  }

  #processFrom(batch: Batch, start: number): Room {
    const { records, eventTimes } = batch;
    for (let index = start; index < records.length; index++) {
      // Derived from the records, not from the batches: where one ends must not change what an operator does.
      const advancing = this.#advanceTo(eventTimes?.watermarks[index]);
      if (advancing !== undefined)
        return this.#after(advancing, () => this.#processFrom(batch, index));
      const working = this.#take(batch, index);
      if (working === undefined) continue;
      return this.#after(working, () => this.#processFrom(batch, index + 1));
    }
    const watermark = eventTimes?.watermark;
    return this.#then(this.#advanceTo(watermark), () => this.#flush(watermark));
  }

  #take({ records, eventTimes }: Batch, index: number): Promise<void> | undefined {
    const record = records[index];
    this.#collector.keep();
    try {
      const working = this.#call(
        eventTimes?.times[index],
        eventTimes?.watermarks[index],
        (context) => this.#participant.operator.onRecord(record, context),
      );
      return working?.catch((error: unknown) => this.#leaveOut(record, error));
    } catch (error) {
      this.#leaveOut(record, error);
      return undefined;
    }
  }

  #leaveOut(record: unknown, error: unknown): void {
    this.#collector.drop();
    this.#errors.handle(error, record);
  }

  /** Each watermark once, also across restarts: see `CustomParticipant`. */
  #advanceTo(watermark: number | undefined): Promise<void> | undefined {
    const { lastWatermark } = this.#participant;
    if (watermark === undefined || watermark <= lastWatermark) return undefined;
    const latest = watermark === endOfTime ? lastWatermark : watermark;
    const time = this.#hasEventTime ? latest : undefined;
    return this.#call(time, time, (context) => this.#participant.advanceTo(watermark, context));
  }

  #then(working: Promise<void> | undefined, rest: () => Room): Room {
    return working === undefined ? rest() : this.#after(working, rest);
  }

  async #after(working: Promise<void>, rest: () => Room): Promise<void> {
    await working;
    if (!this.#run.isOver) await rest();
  }

  #call(
    time: number | undefined,
    watermark: number | undefined,
    call: (context: CustomContext<unknown>) => void | Promise<void>,
  ): Promise<void> | undefined {
    return duringCall(this.#participant.name, (current) =>
      call(this.#context(time, watermark, current)),
    );
  }

  #context(
    time: number | undefined,
    watermark: number | undefined,
    current: CallScope,
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
    const batch = this.#collector.take(this.#hasEventTime ? watermark : undefined);
    const isEmpty = batch.records.length === 0 && batch.eventTimes === undefined;
    return this.#errors.flush(isEmpty ? undefined : this.#output.accept(batch));
  }

  #timeOf(mark: TimeMark): number | undefined {
    if (mark.kind === 'end') return endOfTime;
    return mark.kind === 'watermark' && this.#hasEventTime ? mark.time : undefined;
  }
}
