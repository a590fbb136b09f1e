// A sink whose epoch has a hole: a write has failed, so nothing of it may be prepared.

import { TidegateError } from '../errors.js';

/** @throws TidegateError `TIDEGATE_SINK_WRITE_FAILED` after a failure: only the next generation may go on. */
export function throwIfIncomplete(sink: string, failure: Error | undefined): void {
  if (failure === undefined) return;
  throw new TidegateError(
    'TIDEGATE_SINK_WRITE_FAILED',
    `sink ${sink} lost records of this epoch: ${failure.message}`,
    { cause: failure },
  );
}
