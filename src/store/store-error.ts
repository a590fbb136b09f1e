// Errors of a store: what the file system or the service threw, as a code that says what to do.

import { ObjectStorageFailure } from '../contracts/object-storage.js';
import { TidegateError, isTidegateError, type ErrorCode } from '../errors.js';
import { errnoOf, hintAt } from '../runtime/file-system.js';

/** Codes of the errors that a store throws. They are `TidegateError`s: look at code and kind. */
export type StoreErrorCode = Extract<
  ErrorCode,
  | `TIDEGATE_STORE_${string}`
  | `TIDEGATE_STATE_${'TOO_LARGE' | 'MISMATCH' | 'CORRUPT'}`
  | `TIDEGATE_CHECKPOINT_${'NOT_FOUND' | 'ID'}`
  | 'TIDEGATE_FENCED'
  | 'TIDEGATE_OBJECT_STORAGE'
  | 'TIDEGATE_SEQUENCE_EXHAUSTED'
  | 'TIDEGATE_GENERATIONS_EXHAUSTED'
>;

/** A `TidegateError` for whatever failed while `doing` something; one of ours passes unchanged. */
export function toStoreError(thrown: unknown, doing: string): TidegateError {
  if (isTidegateError(thrown)) return thrown;
  const reason = messageOf(thrown);
  const errno = errnoOf(thrown);
  const code = thrown instanceof ObjectStorageFailure ? serviceCodeOf(thrown) : codeOf(errno);
  return new TidegateError(code, `${doing} failed: ${reason}${hintAt(errno)}`, {
    cause: thrown,
  });
}

/** What a call that failed while `doing` something rejects with: the signal's reason if aborted. */
export function storeFailure(thrown: unknown, doing: string, signal?: AbortSignal): unknown {
  const isAbort = signal?.aborted === true && errnoOf(thrown) === undefined;
  return isAbort ? thrown : toStoreError(thrown, doing);
}

/** @param newer The generation that has taken over, when it is known. */
export function fenced(number: number, newer?: number, cause?: unknown): TidegateError {
  const by = newer === undefined ? 'a newer owner' : `generation ${newer}`;
  return new TidegateError('TIDEGATE_FENCED', `generation ${number} was overtaken by ${by}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { generation: number },
  });
}

export function notFound(id: number): TidegateError {
  return new TidegateError('TIDEGATE_CHECKPOINT_NOT_FOUND', `there is no checkpoint ${id}`);
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

function serviceCodeOf({ kind }: ObjectStorageFailure): StoreErrorCode {
  switch (kind) {
    case 'denied':
      return 'TIDEGATE_STORE_PERMISSION';
    case 'missing-bucket':
    case 'invalid':
      return 'TIDEGATE_OBJECT_STORAGE';
    default:
      return 'TIDEGATE_STORE_IO';
  }
}
