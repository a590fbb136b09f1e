// The error of a stop that could not commit the last records.

import { TidegateError } from '../errors.js';

export function finalFailed(cause: unknown): TidegateError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TidegateError(
    'TIDEGATE_FINAL_CHECKPOINT',
    `the final checkpoint did not complete, so the last records are not committed: ${why}`,
    { cause },
  );
}
