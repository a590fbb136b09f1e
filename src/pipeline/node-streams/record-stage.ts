// A stage that a function or an operator is: a Transform that hands on what it gives for each record.

import { Transform, type TransformCallback } from 'node:stream';
import { TidegateError, toError } from '../../errors.js';
import type { FlowRun } from '../flow/flow-run.js';
import type { RecordErrors } from '../flow/record-errors.js';
import { MarkChunk } from './mark-chunk.js';
import { placeOf, watchPiping, type Place, type Stage } from './place.js';
import { isPromise } from '../promises.js';
import type { StageOptions } from './source-stage.js';
import { nullRecord } from './stream-errors.js';
import { endOfTime } from '../flow/elements.js';
import type { CustomContext, CustomParticipant } from '../stages/custom-operator.js';
import { duringCall } from '../stages/call-scope.js';
import { captureAt } from '../state/keyed-operator.js';

type Emit = (record: unknown) => void;

export interface RecordLogic {
  onRecord(record: unknown, emit: Emit): unknown;
  /** The mark goes on when this has settled. */
  onMark?(mark: MarkChunk['mark'], emit: Emit): unknown;
}

export class RecordStage extends Transform implements Stage {
  readonly [placeOf]: Place;
  readonly #logic: RecordLogic;
  readonly #errors: RecordErrors;

  constructor(
    place: Place,
    logic: RecordLogic,
    { errors, highWaterMark }: StageOptions & { readonly errors: RecordErrors },
  ) {
    super({ objectMode: true, ...(highWaterMark === undefined ? {} : { highWaterMark }) });
    this[placeOf] = place;
    this.#logic = logic;
    this.#errors = errors;
    watchPiping(this);
  }

  override pipe<To extends NodeJS.WritableStream>(to: To, options?: { end?: boolean }): To {
    this[placeOf].leadsTo(to);
    return super.pipe(to, options);
  }

  override _transform(chunk: unknown, _encoding: string, callback: TransformCallback): void {
    const place = this[placeOf];
    try {
      const run = place.runOf(chunk);
      // What is still on its way when the generation ends must not change an operator's state.
      if (run.isOver) callback();
      else if (!(chunk instanceof MarkChunk)) this.#takeRecord(run, chunk, callback);
      else if (chunk.isVoidAt(place)) this.#drop(run, callback);
      else this.#takeMark(run, chunk, callback);
    } catch (error) {
      this.#fail(error, callback);
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this[placeOf].destroyed(error);
    callback(error);
  }

  #takeRecord(run: FlowRun, record: unknown, callback: TransformCallback): void {
    // Sent on when all of it is there: a record that is skipped leaves no half of its output.
    const output = new Output(this[placeOf]);
    const handle = (error: unknown): void => {
      output.drop();
      this.#errors.handle(error, record);
    };
    let working: unknown;
    try {
      working = this.#logic.onRecord(record, output.emit);
    } catch (error) {
      handle(error);
    }
    if (isPromise(working)) this.#after(run, working.catch(handle), output, callback);
    else this.#sendOn(output, callback);
  }

  #takeMark(run: FlowRun, chunk: MarkChunk, callback: TransformCallback): void {
    const output = new Output(this[placeOf]);
    const working = this.#logic.onMark?.(chunk.mark, output.emit);
    if (isPromise(working)) this.#after(run, working, output, callback, chunk);
    else this.#sendOn(output, callback, chunk);
  }

  /** `suspend` waits for it: an operator is put back only when nothing runs in it. */
  #after(
    run: FlowRun,
    working: Promise<unknown>,
    output: Output,
    callback: TransformCallback,
    mark?: MarkChunk,
  ): void {
    const finish = (): void => {
      try {
        if (run.isOver) callback();
        else this.#sendOn(output, callback, mark);
      } catch (error) {
        this.#fail(error, callback);
      }
    };
    run.track(working.then(finish, (error: unknown) => this.#fail(error, callback)));
  }

  #sendOn(output: Output, callback: TransformCallback, mark?: MarkChunk): void {
    for (const record of output.take()) this.push(record);
    mark?.leaves(this[placeOf]);
    if (mark !== undefined) this.push(mark);
    callback();
  }

  #drop(run: FlowRun, callback: TransformCallback): void {
    run.countDroppedBarrier();
    callback();
  }

  /** Reported here first, so that recovery learns the cause and not what it does to the neighbours. */
  #fail(error: unknown, callback: TransformCallback): void {
    this[placeOf].state.fail(error);
    callback(toError(error));
  }
}

/** What one call has emitted; later emits belong to no record, and would be lost in silence. */
class Output {
  readonly #place: Place;
  #records: unknown[] = [];
  #isOver = false;

  constructor(place: Place) {
    this.#place = place;
  }

  readonly emit = (record: unknown): void => {
    if (record === null) throw nullRecord(this.#place);
    if (!this.#isOver) {
      this.#records.push(record);
      return;
    }
    const error = new TidegateError(
      'TIDEGATE_OPERATOR_FAILED',
      `operator ${this.#place.name} emitted after the call for its record had settled`,
    );
    this.#place.state.fail(error);
    throw error;
  };

  drop(): void {
    this.#records = [];
  }

  take(): readonly unknown[] {
    this.#isOver = true;
    return this.#records;
  }
}

export function mapLogic(convert: (record: unknown) => unknown): RecordLogic {
  return {
    onRecord: (record, emit) => {
      const converted = convert(record);
      if (isPromise(converted)) return converted.then(emit);
      emit(converted);
      return undefined;
    },
  };
}

export function filterLogic(isWanted: (record: unknown) => unknown): RecordLogic {
  return {
    onRecord: (record, emit) => {
      const wanted = isWanted(record);
      const take = (answer: unknown): void => {
        // As the filters of Node and of arrays have it.
        if (answer) emit(record);
      };
      if (isPromise(wanted)) return wanted.then(take);
      take(wanted);
      return undefined;
    },
  };
}

export function flatMapLogic(expand: (record: unknown) => unknown): RecordLogic {
  return {
    onRecord: (record, emit) => {
      const expanded = expand(record);
      if (isAsyncIterable(expanded)) return emitEach(expanded, emit);
      for (const output of expanded as Iterable<unknown>) emit(output);
      return undefined;
    },
  };
}

export function operatorLogic(participant: CustomParticipant): RecordLogic {
  const { name } = participant;
  const call = (
    emit: (record: unknown) => void,
    perform: (context: CustomContext<unknown>) => void | Promise<void>,
  ): Promise<void> | undefined =>
    duringCall(name, (current) =>
      perform({
        time: undefined,
        emit: (record) => {
          current.check('emit');
          emit(record);
        },
      }),
    );
  return {
    onRecord: (record, emit) =>
      call(emit, (context) => participant.operator.onRecord(record, context)),
    onMark: (mark, emit) => {
      if (mark.kind === 'barrier') captureAt(mark, name, participant);
      // Every restart behind the end meets its mark: what it sets off was done before it was saved.
      if (mark.kind !== 'end' || participant.lastWatermark === endOfTime) return undefined;
      return call(emit, (context) => participant.advanceTo(endOfTime, context));
    },
  };
}

async function emitEach(
  records: AsyncIterable<unknown>,
  emit: (record: unknown) => void,
): Promise<void> {
  for await (const record of records) emit(record);
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
