// Calls to sources, operators and tables: bounded, tried a few times, then a human is needed.

import { TidegateError, toError } from '../errors.js';
import { sleep, withDeadline } from '../runtime/deadline.js';
import { backoffMs, isFinal, RoundEnded, throwIfAborted } from './ask.js';
import type { Round } from './round.js';

const attempts = 3;

/**
 * Calls a participant of this process. It is not asked for ten minutes like a sink in doubt:
 * nothing is in doubt, and what it cannot do now it will hardly do later.
 *
 * @throws RoundEnded `refused` with `TIDEGATE_RECOVERY_PARTICIPANT`.
 */
export async function askParticipant<Value>(
  { request, patience }: Round,
  what: string,
  call: (signal: AbortSignal) => Value | PromiseLike<Value>,
  timeoutMs: number = patience.callTimeoutMs,
): Promise<Value> {
  const { signal, ports } = request;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await withDeadline({ clock: ports.clock, timeoutMs, signal }, call);
    if (outcome.kind === 'answered') return outcome.value;
    throwIfAborted(signal);
    const problem =
      outcome.kind === 'failed'
        ? toError(outcome.error)
        : new Error(`no answer within ${timeoutMs} ms`);
    // A call that hangs may still be at work: a second one beside it could end in between.
    if (attempt === attempts || outcome.kind === 'timed-out' || isFinal(problem)) {
      const message = `${what} failed: ${problem.message}`;
      throw new RoundEnded(
        'refused',
        new TidegateError('TIDEGATE_RECOVERY_PARTICIPANT', message, { cause: problem }),
      );
    }
    ports.waits?.(problem);
    await sleep(ports.clock, backoffMs(attempt, ports.random.next()), signal);
  }
}
