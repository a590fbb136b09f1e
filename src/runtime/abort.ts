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

function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
