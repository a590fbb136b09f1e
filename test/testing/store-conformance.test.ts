// The suite for stores can fail: wrong stores, each with the case that finds it.

import { expect, test } from '@jest/globals';
import { MemoryCheckpointStore } from 'tidegate';
import type { CheckpointStore, OwnedStore } from 'tidegate/extend';
import { checkpointStoreCases } from 'tidegate/testing';
import type { StoreSystem } from 'tidegate/testing';

/** Members that a wrong store has instead; `newest` is of the owner that has the store now. */
type Flaw = (store: OwnedStore, newest: () => OwnedStore) => Partial<OwnedStore>;

const flaws: readonly (readonly [string, Flaw])[] = [
  [
    'lets an overtaken owner update',
    (_store, newest) => ({
      updateManifest: (previous, next, options) => newest().updateManifest(previous, next, options),
    }),
  ],
  [
    'lets an overtaken owner set aside',
    (_store, newest) => ({ quarantine: (id, options) => newest().quarantine(id, options) }),
  ],
  [
    'prunes for an overtaken owner, and then says that it was fenced',
    (store, newest) => ({
      prune: async (options) => {
        await newest().prune(options);
        return store.prune(options);
      },
    }),
  ],
  [
    'lists what was rolled back as in doubt',
    (store) => ({
      list: async (options) =>
        (await store.list(options)).map((listing) =>
          listing.state === 'rolled-back' ? { ...listing, state: 'in-doubt' as const } : listing,
        ),
    }),
  ],
];

test.each(flaws)('a store that %s is found', async (_what, flaw) => {
  expect(await failuresOf(flaw)).not.toEqual([]);
});

test('a store that is only wrapped is not', async () => {
  expect(await failuresOf(() => ({}))).toEqual([]);
});

/** Titles of the cases that the store fails. */
async function failuresOf(flaw: Flaw): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const { title, run } of checkpointStoreCases) {
    await run(systemWith(flaw)).catch(() => failed.push(title));
  }
  return failed;
}

function systemWith(flaw: Flaw): StoreSystem {
  const memory = new MemoryCheckpointStore();
  let newest: OwnedStore;
  const wrapped = (store: OwnedStore): OwnedStore => {
    newest = store;
    const members: Partial<OwnedStore> = {
      takeNextGeneration: async (options) => wrapped(await store.takeNextGeneration(options)),
      ...flaw(store, () => newest),
    };
    return new Proxy(store, {
      get: (target, name) => {
        const own: unknown = Reflect.get(members, name);
        if (own !== undefined) return own;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
  };
  const connected: CheckpointStore = {
    open: async (options) => wrapped(await memory.open(options)),
    openReadOnly: () => memory.openReadOnly(),
  };
  return { connect: () => connected };
}
