// Errors of the file connectors: what the file system threw, as a code that says what to do.

import { TidegateError, isTidegateError, type ErrorCode } from '../../errors.js';
import { errnoOf } from '../../runtime/file-system.js';

/** A `TidegateError` for whatever failed while `doing` something; one of ours passes unchanged. */
export function toFilesError(thrown: unknown, doing: string): TidegateError {
  if (isTidegateError(thrown)) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new TidegateError(codeOf(errnoOf(thrown)), `${doing} failed: ${reason}`, {
    cause: thrown,
  });
}

function codeOf(errno: string | undefined): ErrorCode {
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return 'TIDEGATE_FILES_FULL';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'TIDEGATE_FILES_PERMISSION';
    case 'EISDIR':
    case 'ENOTDIR':
    case 'ELOOP':
    case 'ENOTEMPTY':
      return 'TIDEGATE_FILES_CORRUPT';
    default:
      return 'TIDEGATE_FILES_IO';
  }
}
