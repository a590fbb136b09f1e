// A position that a source can no longer give, and where it could go on if a person gives the rest up.

import { isTidegateError, TidegateError, type ErrorCode } from '../errors.js';

/** What a source says when its input at a position is gone. */
export interface LostInputOptions {
  /** Where it would go on, as the end of a sentence: `the start of the log, offset 4711`. */
  readonly goesOnAt: string;
  /** Default `TIDEGATE_SOURCE_LOST`. */
  readonly code?: ErrorCode;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The error of a source whose input at a position is gone: retention has passed it, the table was purged,
 * the file replaced. Recovery names `acceptLostInput` as the way out where the source could go on.
 *
 * @param message What was looked for and what was found.
 */
export function lostInput(message: string, options: LostInputOptions): TidegateError {
  const { goesOnAt, code = 'TIDEGATE_SOURCE_LOST', details, cause } = options;
  return new TidegateError(code, message, { cause, details: { ...details, goesOnAt } });
}

/** Where a source that refused a position would go on; undefined for every other error. */
export function goesOnAt(error: unknown): string | undefined {
  if (!isTidegateError(error)) return undefined;
  const { goesOnAt: where } = error.details;
  return typeof where === 'string' ? where : undefined;
}
