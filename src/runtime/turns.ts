// Turns: one piece of work at a time, in the order of asking.

import { orAborted } from './abort.js';

/** Runs work one after the other. A wait for the turn can be aborted; a turn that began cannot. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  async take<Value>(work: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    const before = this.#last;
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    this.#last = before.then(() => finished);
    try {
      await orAborted(before, signal);
      return await work();
    } finally {
      finish();
    }
  }
}
