// The one class of error, and how to recognise it and whatever else was thrown.

import { types } from 'node:util';
import { errorCodes, type ErrorCode, type ErrorKind } from './error-codes.js';
import { errorJson, errorMark, type ErrorJson } from './error-json.js';

export { errorCodes, type ErrorCode, type ErrorKind } from './error-codes.js';

/** Facts beside the message, for machines. Never a secret, never a record's content. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Cause and details of a `TidegateError`. */
export interface TidegateErrorOptions {
  readonly cause?: unknown;
  readonly details?: ErrorDetails;
}

/** Every error that tidegate throws: recognise it by `code` or with `isTidegateError`. */
export class TidegateError extends Error {
  override readonly name: string = 'TidegateError';
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly remedy: string;
  readonly details: ErrorDetails;

  /** @param message Names the thing and the value; the way out is the code's remedy. */
  constructor(code: ErrorCode, message: string, options: TidegateErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = errorCodes[code].kind;
    this.remedy = errorCodes[code].remedy;
    this.details = options.details ?? {};
    Object.defineProperty(this, errorMark, { value: true });
  }

  /** For a log line: code, kind, message, remedy, details and causes; no stack, and no secret. */
  toJSON(): ErrorJson {
    return errorJson(this);
  }
}

/** Whether a value is an error of tidegate, also of another copy of the package in one process. */
export function isTidegateError(value: unknown): value is TidegateError {
  return typeof value === 'object' && value !== null && errorMark in value;
}

/** Whether a value is an error of tidegate with one of these codes. */
export function hasErrorCode(value: unknown, ...codes: readonly ErrorCode[]): boolean {
  return isTidegateError(value) && codes.includes(value.code);
}

/** An `Error` for whatever was thrown: a participant may reject with a string or with nothing. */
export function toError(thrown: unknown): Error {
  // Also one of another realm, as a test runner and `node:vm` make: its code must not be lost.
  if (thrown instanceof Error || types.isNativeError(thrown)) return thrown;
  return new Error(`a value that is no error was thrown: ${String(thrown)}`, { cause: thrown });
}
