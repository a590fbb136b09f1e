// Errors of the object sink: what the service refused or did not answer, as a code that says what to do.

import { ObjectStorageFailure } from '../../contracts/object-storage.js';
import { TidegateError, isTidegateError, toError, type ErrorCode } from '../../errors.js';
import { abortReason } from '../../runtime/abort.js';

/** Runs `work`; what it fails with becomes the signal's reason, or an error with a code. */
export async function asking<Value>(
  doing: string,
  signal: AbortSignal,
  work: () => Promise<Value>,
): Promise<Value> {
  signal.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw abortReason(signal);
    throw toObjectsError(error, doing);
  }
}

/** A `TidegateError` for whatever failed while `doing` something; one of ours passes unchanged. */
export function toObjectsError(thrown: unknown, doing: string): TidegateError {
  if (isTidegateError(thrown)) return thrown;
  return new TidegateError(codeOf(thrown), `${doing} failed: ${toError(thrown).message}`, {
    cause: thrown,
  });
}

export function corrupt(message: string): TidegateError {
  return new TidegateError('TIDEGATE_OBJECTS_CORRUPT', message);
}

export function fenced(address: string, generation: number, newer?: number): TidegateError {
  const by = newer === undefined ? 'a newer owner' : `generation ${newer}`;
  return new TidegateError(
    'TIDEGATE_FENCED',
    `generation ${generation} was overtaken by ${by} at ${address}`,
    { details: { generation } },
  );
}

function codeOf(thrown: unknown): ErrorCode {
  if (!(thrown instanceof ObjectStorageFailure)) return 'TIDEGATE_OBJECTS_IO';
  switch (thrown.kind) {
    case 'denied':
      return 'TIDEGATE_OBJECTS_PERMISSION';
    case 'missing-bucket':
    case 'invalid':
      return 'TIDEGATE_OBJECT_STORAGE';
    default:
      return 'TIDEGATE_OBJECTS_IO';
  }
}
