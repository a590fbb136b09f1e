// Binary search: what is kept in order is found without a look at all of it.

/**
 * The first index of a sorted list at which `isBefore` is no longer true; its length when it always is.
 *
 * @param start Where to begin: what is in front of it is taken to be before.
 */
export function firstIndexNotBefore<Item>(
  items: readonly Item[],
  isBefore: (item: Item) => boolean,
  start = 0,
): number {
  let low = start;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(items[middle] as Item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
