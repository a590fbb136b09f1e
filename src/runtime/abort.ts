// Waiting that a signal can end.

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
  const either = new AbortController();
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

function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
