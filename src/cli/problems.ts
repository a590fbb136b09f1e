// What went wrong, for the person who typed the command.

import { isTidegateError, toError } from '../errors.js';
import type { Jsonable } from './json-output.js';
import { toned } from './table.js';
import type { Line } from './terminal.js';

/** The command line asks for something that makes no sense: exit code 64. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something could not be done, in words that need no stack trace: exit code 2. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    message: string,
    readonly remedy?: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** The message with its code, each cause that says something new, and the way out. */
export function describeProblem(thrown: unknown): readonly Line[] {
  const { code, message, remedy, causes } = problemFacts(thrown);
  const [first = '', ...rest] = message.split('\n');
  const lines: Line[] = [
    [toned('bad', 'error: '), ...(code === undefined ? [] : [`${code}: `]), first],
    ...rest.map((line): Line => [`  ${line}`]),
  ];
  for (const cause of causes) lines.push([toned('quiet', '  because '), cause]);
  if (remedy !== undefined) lines.push([toned('quiet', '  what to do: '), remedy]);
  return lines;
}

export function problemAsJson(thrown: unknown): Readonly<Record<'error', Jsonable>> {
  const { code, message, remedy, causes } = problemFacts(thrown);
  return { error: { code, message, remedy, ...(causes.length > 0 ? { causes } : {}) } };
}

interface ProblemFacts {
  readonly code: string | undefined;
  readonly message: string;
  readonly remedy: string | undefined;
  readonly causes: readonly string[];
}

function problemFacts(thrown: unknown): ProblemFacts {
  const error = toError(thrown);
  const isOurs = isTidegateError(error);
  const remedy = isOurs || error instanceof CommandError ? error.remedy : undefined;
  const causes: string[] = [];
  let text = error.message;
  for (let next = error.cause; next !== undefined && causes.length < 5;) {
    const cause = toError(next);
    // A wrapper often repeats what it wraps.
    if (!text.includes(cause.message)) causes.push(cause.message);
    text += cause.message;
    next = cause.cause;
  }
  return { code: isOurs ? error.code : undefined, message: error.message, remedy, causes };
}
