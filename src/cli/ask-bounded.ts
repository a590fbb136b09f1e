// One question to a sink or a store, with a bound; no answer is an error, never a guess.

import { isTidegateError, toError } from '../errors.js';
import { withDeadline } from '../runtime/deadline.js';
import type { ConnectOptions } from './connection.js';
import type { Context } from './context.js';
import type { AskSink } from './prepared-output.js';
import { CommandError } from './problems.js';

export function askBounded({ timeoutMs }: ConnectOptions, { clock, signal }: Context): AskSink {
  return async (what, call) => {
    const outcome = await withDeadline({ clock, timeoutMs, signal }, call);
    switch (outcome.kind) {
      case 'answered':
        return outcome.value;
      case 'failed':
        if (isTidegateError(outcome.error)) throw outcome.error;
        throw new CommandError(
          `${what} failed: ${toError(outcome.error).message}`,
          undefined,
          outcome.error,
        );
      case 'timed-out':
        throw new CommandError(
          `${what}: no answer within ${outcome.afterMs} ms`,
          'Whether it took effect is not known: ask again, with a longer --timeout-ms if need be.',
        );
      case 'aborted':
        throw toError(outcome.reason);
    }
  };
}
