// Errors of the file connectors: what the file system threw, as a code that says what to do.

import { TidegateError, isTidegateError, toError, type ErrorCode } from '../../errors.js';
import { errnoOf, hintAt } from '../../runtime/file-system.js';

/** A `TidegateError` for whatever failed while `doing` something; one of ours passes unchanged. */
export function toFilesError(thrown: unknown, doing: string): TidegateError {
  if (isTidegateError(thrown)) return thrown;
  const reason = toError(thrown).message;
  const errno = errnoOf(thrown);
  return new TidegateError(codeOf(errno), `${doing} failed: ${reason}${hintAt(errno)}`, {
    cause: thrown,
  });
}

/** The same for what a file system throws, and anything else as it is: a wrapped sink has its own. */
export function orFilesError(thrown: unknown, doing: string): unknown {
  return fileErrnos.includes(errnoOf(thrown) ?? '') ? toFilesError(thrown, doing) : thrown;
}

const fileErrnos = [
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EACCES',
  'EPERM',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'EIO',
  'ENOTDIR',
  'ELOOP',
];

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
