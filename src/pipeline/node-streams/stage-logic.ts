// What the stages of ours do with a record and with a mark.

import { endOfTime } from '../flow/elements.js';
import type { CustomContext, CustomParticipant } from '../stages/custom-operator.js';
import { duringCall } from '../stages/call-scope.js';
import { captureAt } from '../state/keyed-operator.js';
import { isPromise } from '../promises.js';
import type { RecordLogic } from './record-stage.js';

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
