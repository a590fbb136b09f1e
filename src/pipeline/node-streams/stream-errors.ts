// What is said when streams cannot be run, or stop running.

import { TidegateError } from '../../errors.js';

interface Titled {
  readonly title: string;
}

/** The ways out for a stream that tidegate did not make. */
const waysOut =
  'make it with map, filter, flatMap or operator; or wrap it: oneToOne(stream) when it gives one ' +
  'record for each that it takes, perEpoch(() => stream) when it can be ended at each barrier and ' +
  'begun anew';

export function foreignStage(where: string, stream: unknown): string {
  return `${where} is a ${className(stream)} that tidegate did not make, and a barrier would get lost in it: ${waysOut}`;
}

export function invisibleStage(title: string): string {
  return (
    `the records of ${title} go to no stream: a function, an async generator or a web stream ` +
    `behind it would lose barriers. Streams are connected before the first await of build(); ${waysOut}`
  );
}

export function endedEarly({ title }: Titled): TidegateError {
  return new TidegateError(
    'TIDEGATE_STREAM_ENDED',
    `${title} was destroyed or has ended before its input was committed`,
  );
}

export function nullRecord({ title }: Titled): TidegateError {
  return new TidegateError(
    'TIDEGATE_STREAM_RECORD',
    `${title} gave null, which ends a stream of Node`,
  );
}

export function generationOver(generation: number): TidegateError {
  return new TidegateError(
    'TIDEGATE_FENCED',
    `these streams belong to generation ${generation}, which is over`,
    { details: { generation } },
  );
}

function className(stream: unknown): string {
  if (typeof stream !== 'object' || stream === null) return typeof stream;
  const { name } = stream.constructor;
  return name === '' ? 'stream' : name;
}
