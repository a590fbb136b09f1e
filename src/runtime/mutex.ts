// A mutex: one piece of work at a time, in the order of the requests.

import PQueue from 'p-queue';
import { abortReason, sharedAbort } from './abort.js';

export class Mutex {
  readonly #queue = new PQueue({ concurrency: 1 });

  /** Runs `work` when everything requested before has ended. The signal ends the wait, not the work. */
  async runExclusive<Value>(work: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    if (signal === undefined) return this.#queue.add(work);
    // p-queue would begin the next piece of work beside one whose signal is aborted while it runs.
    const waiting = sharedAbort();
    const onAbort = (): void => waiting.abort(abortReason(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const stopListening = (): void => signal.removeEventListener('abort', onAbort);
    const begin = (): Promise<Value> => {
      stopListening();
      return work();
    };
    try {
      return await this.#queue.add(begin, { signal: waiting.signal });
    } finally {
      stopListening();
    }
  }
}
