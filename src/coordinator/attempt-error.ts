// The cause of an attempt's end as an error, for those who throw, log or halt.

import { assertNever } from '../assert.js';
import { TidegateError } from '../errors.js';
import { stepNumbers, type AttemptCause } from './machine/steps.js';

export function errorOf(cause: AttemptCause): unknown {
  switch (cause.kind) {
    case 'failed':
      return cause.error;
    case 'cancelled':
      return cause.reason;
    case 'timed-out':
      return new TidegateError(
        'TIDEGATE_STEP_TIMEOUT',
        `step ${stepNumbers[cause.step]} (${cause.step}) did not end within ${cause.afterMs} ms`,
        { details: { step: cause.step, afterMs: cause.afterMs } },
      );
    case 'unsettled':
      return new TidegateError(
        'TIDEGATE_SINKS_UNSETTLED',
        `not known to have committed: ${cause.sinks.join(', ')}`,
        { details: { sinks: cause.sinks } },
      );
    default:
      return assertNever(cause, 'cause of an attempt that ended');
  }
}
