// Waiting with a bound: no participant can hold the process longer than it was given.

import type { Clock } from './clock.js';
import { sharedAbort } from './abort.js';

/** How a bounded wait ended. A late answer after `timed-out` or `aborted` is dropped. */
export type BoundedOutcome<Value> =
  | { readonly kind: 'answered'; readonly value: Value }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'timed-out'; readonly afterMs: number }
  | { readonly kind: 'aborted'; readonly reason: unknown };

export interface Bound {
  readonly clock: Clock;
  /** Milliseconds until the wait ends with `timed-out`. */
  readonly timeoutMs: number;
  /** Ends the wait early with `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` and waits for it, at most `timeoutMs`. The signal given to `work` is aborted when the
 * wait ends early; whether the work stops is up to it, the caller goes on in any case.
 */
export async function withDeadline<Value>(
  bound: Bound,
  work: (signal: AbortSignal) => Value | PromiseLike<Value>,
): Promise<BoundedOutcome<Value>> {
  const { clock, timeoutMs, signal } = bound;
  if (signal?.aborted) return { kind: 'aborted', reason: signal.reason };
  const inner = sharedAbort();
  return new Promise((resolve) => {
    let settled = false;
    const settle = (outcome: BoundedOutcome<Value>): void => {
      if (settled) return;
      settled = true;
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    const onAbort = (): void => {
      settle({ kind: 'aborted', reason: signal?.reason });
      inner.abort(signal?.reason);
    };
    const timer = clock.setTimer(() => {
      settle({ kind: 'timed-out', afterMs: timeoutMs });
      inner.abort(new Error(`timed out after ${timeoutMs} ms`));
    }, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    runGuarded(() => work(inner.signal)).then(
      (value) => settle({ kind: 'answered', value }),
      (error: unknown) => settle({ kind: 'failed', error }),
    );
  });
}

/** Waits `delayMs`; `false` when the signal ended the wait early. */
export async function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted) return false;
  return new Promise((resolve) => {
    const onAbort = (): void => {
      timer.cancel();
      resolve(false);
    };
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(true);
    }, delayMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** A synchronous throw becomes a rejection, so that one path handles both. */
async function runGuarded<Value>(work: () => Value | PromiseLike<Value>): Promise<Value> {
  return work();
}
