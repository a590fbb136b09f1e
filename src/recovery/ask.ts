// Asking a participant or the store with a bound, again and again with backoff, until it answers.

import { TidegateError, isTidegateError, toError } from '../errors.js';
import { backoffMs } from '../runtime/backoff.js';
import { sleep, withDeadline } from '../runtime/deadline.js';
import type { RecoveryPorts } from './request.js';

/** How long to wait for whom. */
export interface RetryBudget {
  readonly ports: RecoveryPorts;
  /** Bound of one call. */
  readonly callTimeoutMs: number;
  /** On the monotonic clock: after it no further call is begun. The first always is. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

export type Answer<Value> =
  | { readonly kind: 'answered'; readonly value: Value }
  /** An error that asking again cannot change. */
  | {
      readonly kind: 'refused';
      readonly problem: Error;
      /** Why an earlier call had no clear answer: it may have taken effect all the same. */
      readonly unclearBefore: Error | undefined;
    }
  /** Nothing is known: neither a yes nor a no. */
  | { readonly kind: 'unanswered'; readonly problem: Error };

/**
 * One way in which a pass of recovery ends early, from any depth: `again` under a new fence,
 * because the facts may have changed; or `refused`, because a human or the caller has to act.
 */
export class PassEnded extends Error {
  override readonly name = 'PassEnded';

  constructor(
    readonly how: 'again' | 'refused',
    readonly problem: TidegateError,
  ) {
    super(problem.message, { cause: problem });
  }
}

/** Calls until there is an answer, the time is up, or an error says that it will never come. */
export async function ask<Value>(
  budget: RetryBudget,
  call: (signal: AbortSignal) => Value | PromiseLike<Value>,
): Promise<Answer<Value>> {
  const { clock, random } = budget.ports;
  let unclearBefore: Error | undefined;
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await callOnce(budget, call);
    if (outcome.kind === 'answered') return outcome;
    const { problem } = outcome;
    if (isFinal(problem)) return { kind: 'refused', problem, unclearBefore };
    unclearBefore = problem;
    const delayMs = backoffMs(attempt, random.next());
    const isTimeUp = clock.monotonicMs() + delayMs >= budget.deadlineMs;
    if (!isTimeUp && !budget.signal.aborted) budget.ports.waits?.(problem);
    if (isTimeUp || !(await sleep(clock, delayMs, budget.signal))) {
      return { kind: 'unanswered', problem };
    }
  }
}

/**
 * Calls a single time, for what must not be asked again behind the same fence: a call without an
 * answer may still take effect, and only the next generation keeps it from what comes after.
 */
export async function askOnce<Value>(
  budget: RetryBudget,
  call: (signal: AbortSignal) => Value | PromiseLike<Value>,
): Promise<Answer<Value>> {
  const outcome = await callOnce(budget, call);
  if (outcome.kind === 'answered') return outcome;
  const { problem } = outcome;
  if (isFinal(problem)) return { kind: 'refused', problem, unclearBefore: undefined };
  return { kind: 'unanswered', problem };
}

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new PassEnded('refused', abortedBy(signal));
}

export function abortedBy(signal: AbortSignal): TidegateError {
  const message = `recovery was ended: ${toError(signal.reason).message}`;
  const options = { cause: signal.reason as unknown };
  return new TidegateError('TIDEGATE_RECOVERY_ABORTED', message, options);
}

/** Time for the bytes beside the bound of a call: a slow disk is not a hang. */
export function timeoutFor(callTimeoutMs: number, byteLength: number): number {
  return callTimeoutMs + Math.ceil(byteLength / slowestBytesPerMs);
}

/** 10 MB a second. */
const slowestBytesPerMs = 10_000;

async function callOnce<Value>(
  budget: RetryBudget,
  call: (signal: AbortSignal) => Value | PromiseLike<Value>,
): Promise<
  | { readonly kind: 'answered'; readonly value: Value }
  | { readonly kind: 'failed'; readonly problem: Error }
> {
  const { ports, callTimeoutMs: timeoutMs, signal } = budget;
  const outcome = await withDeadline({ clock: ports.clock, timeoutMs, signal }, call);
  switch (outcome.kind) {
    case 'answered':
      return outcome;
    case 'failed':
      return { kind: 'failed', problem: toError(outcome.error) };
    case 'timed-out':
      return { kind: 'failed', problem: new Error(`no answer within ${outcome.afterMs} ms`) };
    case 'aborted':
      return { kind: 'failed', problem: toError(outcome.reason) };
  }
}

/** `retryable` and `in-doubt` pass; so may whatever a participant throws that is not ours. */
export function isFinal(problem: Error): boolean {
  if (!isTidegateError(problem)) return false;
  return problem.kind !== 'retryable' && problem.kind !== 'in-doubt';
}
