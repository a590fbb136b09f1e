// The right to commit sinks: a value that only the save of a store makes.

import { assert } from '../assert.js';
import type { CheckpointManifest } from '../manifest/types.js';
import type { OwnedStore, SavedManifest, StoreCallOptions } from './checkpoint-store.js';

declare const proof: unique symbol;

/** A manifest that was durable when this value was made. */
export interface PersistedManifest extends SavedManifest {
  readonly [proof]: true;
}

/** What a save has made. A value that looks the same and is not in here proves nothing. */
const proven = new WeakSet<SavedManifest>();

/** Saves a manifest. The store's promise is the proof: it resolves when the manifest is durable. */
export async function persist(
  store: Pick<OwnedStore, 'saveManifest'>,
  manifest: CheckpointManifest,
  options?: StoreCallOptions,
): Promise<PersistedManifest> {
  return prove(manifest, await store.saveManifest(manifest, options));
}

/** Replaces a manifest, which is durable once the store's promise resolves. */
export async function persistUpdate(
  store: Pick<OwnedStore, 'updateManifest'>,
  previous: PersistedManifest,
  next: CheckpointManifest,
  options?: StoreCallOptions,
): Promise<PersistedManifest> {
  return prove(next, await store.updateManifest(previous, next, options));
}

/** Before a sink is asked to commit: the manifest came from a save, not from a caller's hands. */
export function assertPersisted(persisted: PersistedManifest): void {
  const { checkpointId } = persisted.manifest;
  assert(proven.has(persisted), `the manifest of checkpoint ${checkpointId} was not saved`);
}

function prove(given: CheckpointManifest, { manifest }: SavedManifest): PersistedManifest {
  assert(
    manifest.checkpointId === given.checkpointId,
    `the store was given checkpoint ${given.checkpointId} and saved ${manifest.checkpointId}`,
  );
  // A value of its own: a store may keep the one that it returns, and give it out again.
  const persisted = Object.freeze({ manifest }) as unknown as PersistedManifest;
  proven.add(persisted);
  return persisted;
}
