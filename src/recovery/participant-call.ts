// Calls to sources, operators and tables: bounded, and tried again for as long as that may help.

import { mayPass } from '../contracts/source-failure.js';
import { TidegateError, toError } from '../errors.js';
import { backoffMs } from '../runtime/backoff.js';
import { sleep, withDeadline, type Bound } from '../runtime/deadline.js';
import { isFinal, RoundEnded, throwIfAborted } from './ask.js';
import type { Round } from './round.js';

/** Of a failure that says nothing of whether it passes. */
const attempts = 3;

/**
 * Calls a participant of this process. A failure that passes is waited for as long as a sink is that
 * does not answer: a broker that restarts must not need a person. Another one is tried a few times.
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
  const { clock, random } = ports;
  const startedAtMs = clock.monotonicMs();
  for (let attempt = 1; ; attempt += 1) {
    let made: PromiseLike<Value> | undefined;
    const outcome = await withDeadline({ clock, timeoutMs, signal }, async (inner) => {
      made = (async () => call(inner))();
      return made;
    });
    if (outcome.kind === 'answered') return outcome.value;
    throwIfAborted(signal);
    const problem =
      outcome.kind === 'failed'
        ? toError(outcome.error)
        : new Error(`no answer within ${timeoutMs} ms`);
    const pauseMs = backoffMs(attempt, random.next());
    const isTimeUp = clock.monotonicMs() + pauseMs >= patience.giveUpAtMs;
    // A call that hangs may still be at work: a second one beside it could end in between.
    const isLate = outcome.kind === 'timed-out';
    const hangs = isLate && !(await ends({ clock, timeoutMs, signal }, made));
    const isTriedAgain = isLate || mayPass(problem) ? !isTimeUp : attempt < attempts;
    if (hangs || isFinal(problem) || !isTriedAgain) {
      const waitedMs = Math.round(clock.monotonicMs() - startedAtMs);
      const tries = attempt > attempts ? ` (tried ${attempt} times in ${waitedMs} ms)` : '';
      const message = `${what} failed: ${problem.message}${tries}`;
      const options = { cause: problem };
      throw new RoundEnded(
        'refused',
        new TidegateError('TIDEGATE_RECOVERY_PARTICIPANT', message, options),
      );
    }
    ports.waits?.(problem);
    ports.logger.warn({ err: problem, pauseMs }, `${what} failed, and is tried again`);
    await sleep(clock, pauseMs, signal);
    throwIfAborted(signal);
  }
}

/** Whether a call that was given up, and has learnt so by its signal, comes to its end all the same. */
async function ends(bound: Bound, call: PromiseLike<unknown> | undefined): Promise<boolean> {
  const outcome = await withDeadline(bound, () => call);
  return outcome.kind === 'answered' || outcome.kind === 'failed';
}
