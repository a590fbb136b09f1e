// The event loop behind a function: simulated time moves on only when nothing is left to run.

/** One turn of the event loop: every promise and callback that was ready has run afterwards. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
