// Waiting that a signal can end.

import { setMaxListeners } from 'node:events';

/**
 * For a signal that many listen to: each source, sink and stage of a pipeline, each call that is under
 * way. All of them stop listening, so their number says nothing of a leak, and Node warns from 11 on.
 */
export function sharedAbort(): AbortController {
  const controller = new AbortController();
  letManyListen(controller.signal);
  return controller;
}

/** The same for a signal that the caller made. */
export function letManyListen(signal: AbortSignal): AbortSignal {
  setMaxListeners(Infinity, signal);
  return signal;
}

/**
 * The outcome of a wait, or the signal's reason as soon as it is aborted. The wait itself goes on; a
 * failure of it that comes too late is dropped.
 */
export async function orAborted<Value>(wait: Promise<Value>, signal?: AbortSignal): Promise<Value> {
  if (signal === undefined) return wait;
  if (signal.aborted) {
    wait.catch(() => undefined);
    throw abortReason(signal);
  }
  let stopListening = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(abortReason(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    stopListening = () => signal.removeEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([wait, aborted]);
  } finally {
    stopListening();
  }
}

/**
 * Runs `work` with a signal that ends with either of two. Not `AbortSignal.any`: the signal that lives
 * longer would remember each one that was made of it.
 */
export async function untilEither<Value>(
  one: AbortSignal,
  other: AbortSignal,
  work: (either: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const either = sharedAbort();
  const signals = [one, other];
  const onAbort = (): void => {
    either.abort(signals.find((signal) => signal.aborted)?.reason);
  };
  for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
  if (one.aborted || other.aborted) onAbort();
  try {
    return await work(either.signal);
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', onAbort);
  }
}

export function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
