// Errors of a store: what the file system threw, as a code that says what to do.

import { TidegateError, isTidegateError, type ErrorCode } from '../errors.js';
import { errnoOf, hintAt } from '../runtime/file-system.js';

/** Codes of the errors that a store throws. They are `TidegateError`s: look at code and kind. */
export type StoreErrorCode = Extract<
  ErrorCode,
  | `TIDEGATE_STORE_${string}`
  | `TIDEGATE_STATE_${'TOO_LARGE' | 'MISMATCH' | 'CORRUPT'}`
  | `TIDEGATE_CHECKPOINT_${'NOT_FOUND' | 'ID'}`
  | 'TIDEGATE_FENCED'
  | 'TIDEGATE_SEQUENCE_EXHAUSTED'
  | 'TIDEGATE_GENERATIONS_EXHAUSTED'
>;

/** A `TidegateError` for whatever failed while `doing` something; one of ours passes unchanged. */
export function toStoreError(thrown: unknown, doing: string): TidegateError {
  if (isTidegateError(thrown)) return thrown;
  const reason = messageOf(thrown);
  const errno = errnoOf(thrown);
  return new TidegateError(codeOf(errno), `${doing} failed: ${reason}${hintAt(errno)}`, {
    cause: thrown,
  });
}

/** What a call that failed while `doing` something rejects with: the signal's reason if aborted. */
export function storeFailure(thrown: unknown, doing: string, signal?: AbortSignal): unknown {
  const isAbort = signal?.aborted === true && errnoOf(thrown) === undefined;
  return isAbort ? thrown : toStoreError(thrown, doing);
}

function messageOf(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) {
    return String(thrown.message);
  }
  return String(thrown);
}

function codeOf(errno: string | undefined): StoreErrorCode {
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return 'TIDEGATE_STORE_FULL';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'TIDEGATE_STORE_PERMISSION';
    case 'EISDIR':
    case 'ENOTDIR':
    case 'ELOOP':
    case 'ENOTEMPTY':
      return 'TIDEGATE_STORE_CORRUPT';
    default:
      return 'TIDEGATE_STORE_IO';
  }
}
