// A durable sink in memory, as cheap as one can be: what is measured is the way there.

import type { TwoPhaseSink } from 'tidegate/extend';

/** Hands every batch to `keep`; commits are remembered, nothing is written. */
export function keepingSink<Rec>(keep: (records: readonly Rec[]) => void): TwoPhaseSink<Rec> {
  const committed = new Set<string>();
  let newest: number | undefined;
  const inspector = {
    inspect: ({ handle }: { readonly handle?: string | undefined }) =>
      Promise.resolve(committed.has(handle ?? '') ? ('committed' as const) : ('absent' as const)),
    lastCommitted: () => Promise.resolve(newest as never),
    listPrepared: () => Promise.resolve([]),
  };
  return {
    durability: 'durable',
    openReadOnly: () => Promise.resolve(inspector),
    open: () =>
      Promise.resolve({
        ...inspector,
        write: keep,
        preCommit: ({ checkpointId }) => Promise.resolve({ handle: String(checkpointId) }),
        commit: (handle) => {
          committed.add(handle);
          newest = Number(handle);
          return Promise.resolve('applied');
        },
        rollback: () => Promise.resolve(new Map()),
      }),
  };
}
