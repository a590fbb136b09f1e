// The right to commit sinks comes from the save of a store, and from nothing else.

import { expect, test } from '@jest/globals';
import type { PersistedManifest, SavedManifest } from 'tidegate/extend';
import { createManifest } from 'tidegate/manifest';
import { assertPersisted, persist, persistUpdate } from '../../src/store/persisted-manifest.js';

const manifest = createManifest(7, 1);

test('a manifest is proven when the promise of the save resolves, and not before', async () => {
  let finish: (saved: SavedManifest) => void = () => undefined;
  const saving = new Promise<SavedManifest>((resolve) => (finish = resolve));
  let isProven = false;
  const proof = persist({ saveManifest: () => saving }, manifest).then((persisted) => {
    isProven = true;
    return persisted;
  });
  await Promise.resolve();
  expect(isProven).toBe(false);
  finish({ manifest });
  const persisted = await proof;
  expect(() => assertPersisted(persisted)).not.toThrow();
  expect(persisted.manifest).toBe(manifest);
});

test('a value that was not made by a save proves nothing, nor does a copy of one that was', async () => {
  const persisted = await persist({ saveManifest: () => Promise.resolve({ manifest }) }, manifest);
  for (const forged of [{ manifest }, { ...persisted }, Object.create(persisted) as object]) {
    expect(() => assertPersisted(forged as PersistedManifest)).toThrow(
      'the manifest of checkpoint 7 was not saved',
    );
  }
});

test('a store may return the same value twice: the second save proves a value of its own', async () => {
  const own = { manifest };
  const store = {
    saveManifest: () => Promise.resolve(own),
    updateManifest: () => Promise.resolve(own),
  };
  const first = await persist(store, manifest);
  const second = await persistUpdate(store, first, manifest);
  expect(() => assertPersisted(own as PersistedManifest)).toThrow('was not saved');
  expect(() => assertPersisted(second)).not.toThrow();
});

test('a save that fails proves nothing, and one that answers with another checkpoint fails', async () => {
  const failing = { saveManifest: () => Promise.reject(new Error('EIO')) };
  await expect(persist(failing, manifest)).rejects.toThrow('EIO');
  const mistaken = { saveManifest: () => Promise.resolve({ manifest: createManifest(8, 1) }) };
  await expect(persist(mistaken, manifest)).rejects.toThrow(
    'the store was given checkpoint 7 and saved 8',
  );
});
