// A checkpoint store whose owner's calls are written into the history of the run.

import type {
  CheckpointStore,
  OwnedStore,
  OpenStoreOptions,
} from '../../store/checkpoint-store.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import type { HistoryEvent } from '../checkers/observation.js';

export interface StoreObserver {
  readonly life: number;
  note(event: HistoryEvent): void;
  /** Changes how the store is opened: a second process starts only after the first was given up. */
  openOptions(options: OpenStoreOptions): OpenStoreOptions;
}

export function observedStore(store: CheckpointStore, observer: StoreObserver): CheckpointStore {
  return {
    open: async (options) => {
      const owned = await store.open(observer.openOptions(options));
      return observedOwner(owned, observer);
    },
    openReadOnly: (options) => store.openReadOnly(options),
  };
}

function observedOwner(owned: OwnedStore, observer: StoreObserver): OwnedStore {
  const { generation } = owned;
  observer.note({ kind: 'opened', life: observer.life, generation });
  const save = async <Saved>(
    manifest: CheckpointManifest,
    perform: () => Promise<Saved>,
  ): Promise<Saved> => {
    observer.note({ kind: 'saving', generation, manifest });
    const saved = await perform();
    observer.note({ kind: 'saved', generation, manifest });
    return saved;
  };
  return {
    storeId: owned.storeId,
    pipeline: owned.pipeline,
    ...(owned.place === undefined ? {} : { place: owned.place }),
    generation,
    list: async (options) => {
      const listings = await owned.list(options);
      const manifests = listings.flatMap(({ state, manifest }) =>
        manifest === undefined || state === 'corrupt' ? [] : [manifest],
      );
      observer.note({ kind: 'scanned', generation, manifests });
      return listings;
    },
    load: (id, options) => owned.load(id, options),
    readOperatorState: (checkpoint, operator) => owned.readOperatorState(checkpoint, operator),
    takeNextGeneration: async (options) =>
      observedOwner(await owned.takeNextGeneration(options), observer),
    allocateCheckpointId: () => {
      const id = owned.allocateCheckpointId();
      observer.note({ kind: 'allocated', generation, id });
      return id;
    },
    writeSidecar: (id, chunks, options) => owned.writeSidecar(id, chunks, options),
    saveManifest: (manifest, options) =>
      save(manifest, () => owned.saveManifest(manifest, options)),
    updateManifest: (previous, next, options) =>
      save(next, () => owned.updateManifest(previous, next, options)),
    prune: (options) => owned.prune(options),
    quarantine: (id, options) => owned.quarantine(id, options),
    close: () => owned.close(),
  };
}
