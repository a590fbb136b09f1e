// The event loop behind a function: simulated time moves on only when nothing is left to run.

/** One turn of the event loop: every promise and callback that was ready has run afterwards. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Settles when the caller waits: one that passes the promise on does so a little later. */
export async function untilAwaited(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await Promise.resolve();
}

/**
 * Calls back when every promise that was ready has been gone on from, and before any timer, signal or
 * other callback: until then nothing but that chain of promises has run.
 */
export function afterPromises(callback: () => void): void {
  queueMicrotask(() => process.nextTick(callback));
}
