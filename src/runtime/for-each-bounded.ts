// Doing one thing for many participants, a few at a time, until one fails or the step is over.

import PQueue from 'p-queue';

export interface ForEachOptions {
  /** How many run at once. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

/**
 * Runs `work` for every item and settles with the first error. The queue is this call's own, so
 * that an item that never answers takes no place of a later step; what is running when the signal
 * fires goes on by itself and must look at the signal.
 */
export async function forEachBounded<Item>(
  items: readonly Item[],
  options: ForEachOptions,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  if (items.length === 0) return;
  if (items.length <= options.concurrency) {
    await Promise.all(items.map((item) => work(item)));
    return;
  }
  const queue = new PQueue({ concurrency: options.concurrency });
  const { signal } = options;
  await Promise.all(items.map((item) => queue.add(() => work(item), { signal })));
}
