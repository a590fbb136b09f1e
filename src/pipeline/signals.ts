// SIGTERM and SIGINT as a request to stop: the first drains, the second ends at once.

export interface SignalOptions {
  readonly signal: AbortSignal | undefined;
  readonly handleSignals: boolean;
  /** The second signal: end without a final checkpoint. */
  readonly atOnce: () => void;
}

export interface StopRequest {
  readonly requested: Promise<'stop'>;
  /** Removes every handler: a library must leave the process as it found it. */
  readonly dispose: () => void;
}

const handledSignals = ['SIGTERM', 'SIGINT'] as const;

export function listenForSignals({ signal, handleSignals, atOnce }: SignalOptions): StopRequest {
  let request = (): void => undefined;
  const requested = new Promise<'stop'>((resolve) => {
    request = () => resolve('stop');
  });
  let received = 0;
  const onSignal = (): void => {
    received += 1;
    if (received === 1) request();
    else atOnce();
  };
  if (handleSignals) for (const name of handledSignals) process.on(name, onSignal);
  const onAbort = (): void => request();
  if (signal?.aborted === true) request();
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    requested,
    dispose: () => {
      for (const name of handledSignals) process.off(name, onSignal);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
