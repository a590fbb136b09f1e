// Obligations 5 and 6: one owner at a time, and no number twice.

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { checkpointId, generationOfCheckpointId, type CheckpointId } from '../../ids.js';
import { canonicalManifest, manifestsEqual } from '../../manifest/canonical.js';
import type { OwnedStore, SavedManifest } from '../../store/checkpoint-store.js';
import type { StoreConformanceCase, StoreSystem } from './store-bench.js';
import { assertRejects, chunksOf, manifestOf, openStore, saveNew } from './store-bench.js';

export const owningCases: readonly StoreConformanceCase[] = [
  {
    title: 'the store id is made once and the generation rises with every opening',
    async run(system) {
      const first = await openStore(system);
      await first.close();
      const second = await openStore(system);
      equal(second.storeId, first.storeId);
      ok(second.generation > first.generation);
    },
  },
  {
    title: 'a store refuses another pipeline, and goes on for its own',
    async run(system) {
      const owner = await openStore(system);
      const store = await system.connect();
      await assertRejects(store.open({ pipeline: 'another' }), 'TIDEGATE_STORE_PIPELINE');
      await saveNew(owner);
    },
  },
  {
    title: '5: every writing call of an overtaken owner is fenced and changes nothing',
    async run(system) {
      const older = await openStore(system);
      const saved = await saveNew(older, { sinks: { out: 'pending' } });
      const id = older.allocateCheckpointId();
      const newer = await openStore(system);
      const before = await contentOf(newer);
      await assertFenced(() => older.saveManifest(manifestOf(older, id)));
      await assertFenced(() =>
        older.updateManifest(saved, committed(older, saved.manifest.checkpointId)),
      );
      await assertFenced(() => older.prune({ retainedCheckpoints: 1 }));
      await assertFenced(() => older.quarantine(checkpointId(saved.manifest.checkpointId)));
      await assertFenced(() =>
        older.writeSidecar(id, chunksOf(Uint8Array.of(1), 1), { maxBytes: 10 }),
      );
      await assertFenced(() => older.takeNextGeneration());
      deepEqual(await contentOf(newer), before);
      await saveNew(newer);
    },
  },
  {
    title: '5: the first call of an overtaken owner is fenced, whichever it is',
    async run(system) {
      for (const call of firstCalls) await assertFirstCallFenced(system, call);
    },
  },
  {
    title: 'a recovery in process takes the next generation and fences the session it had',
    async run(system) {
      const first = await openStore(system);
      const saved = await saveNew(first, { sinks: { out: 'pending' } });
      const second = await first.takeNextGeneration();
      equal(second.generation, first.generation + 1);
      equal(second.storeId, first.storeId);
      await assertRejects(saveNew(first), 'TIDEGATE_FENCED');
      await assertRejects(first.takeNextGeneration(), 'TIDEGATE_FENCED');
      const again = await second.saveManifest(saved.manifest);
      ok(manifestsEqual(again.manifest, saved.manifest));
    },
  },
  {
    title: 'an owner that was overtaken never takes the store back',
    async run(system) {
      const older = await openStore(system);
      const newer = await openStore(system);
      await assertRejects(older.takeNextGeneration(), 'TIDEGATE_FENCED');
      await saveNew(newer);
    },
  },
  {
    title: '6: ids are unique within an owner and across owners, and rise',
    async run(system) {
      const first = await openStore(system);
      const early = [first.allocateCheckpointId(), first.allocateCheckpointId()];
      const second = await openStore(system);
      const late = second.allocateCheckpointId();
      notEqual(early[0], early[1]);
      ok(early.every((id) => id < late));
      equal(generationOfCheckpointId(late), second.generation);
    },
  },
  {
    title: '6: an id that this owner did not allocate is refused',
    async run(system) {
      const store = await openStore(system);
      const id = checkpointId(store.allocateCheckpointId() + 5);
      await assertRejects(store.saveManifest(manifestOf(store, id)), 'TIDEGATE_CHECKPOINT_ID');
    },
  },
  {
    title: 'a closed session refuses to write, and its close may be repeated',
    async run(system) {
      const store = await openStore(system);
      await store.close();
      await store.close();
      await assertRejects(saveNew(store), 'TIDEGATE_STORE_CLOSED');
    },
  },
];

interface FirstCall {
  readonly older: OwnedStore;
  /** Of two that it has saved: prune has something to do. */
  readonly saved: SavedManifest;
  readonly id: CheckpointId;
}

const firstCalls: readonly ((given: FirstCall) => Promise<unknown>)[] = [
  ({ older }) => saveNew(older),
  ({ older, saved }) => older.saveManifest({ ...saved.manifest }),
  ({ older, saved, id }) => older.updateManifest(saved, committed(older, id)),
  ({ older }) => older.prune({ retainedCheckpoints: 1 }),
  ({ older, id }) => older.quarantine(id),
  ({ older }) => {
    const chunks = chunksOf(Uint8Array.of(1), 1);
    return older.writeSidecar(older.allocateCheckpointId(), chunks, { maxBytes: 10 });
  },
  ({ older }) => older.takeNextGeneration(),
];

async function assertFirstCallFenced(
  system: StoreSystem,
  call: (given: FirstCall) => Promise<unknown>,
): Promise<void> {
  const older = await openStore(system);
  const saved = await saveNew(older, { sinks: { out: 'pending' } });
  await saveNew(older);
  await saveNew(older);
  const newer = await openStore(system);
  const before = await contentOf(newer);
  const id = checkpointId(saved.manifest.checkpointId);
  await assertFenced(() => call({ older, saved, id }));
  deepEqual(await contentOf(newer), before);
}

/** Everything that can be seen of each checkpoint, newest first. */
async function contentOf(store: OwnedStore): Promise<readonly (readonly unknown[])[]> {
  const listings = await store.list();
  return listings.map(({ id, state, manifest }) => [
    id,
    state,
    manifest === undefined ? undefined : canonicalManifest(manifest),
  ]);
}

async function assertFenced(call: () => Promise<unknown>): Promise<void> {
  await assertRejects(call(), 'TIDEGATE_FENCED');
}

function committed(store: OwnedStore, id: number): ReturnType<typeof manifestOf> {
  return manifestOf(store, checkpointId(id), { sinks: { out: 'committed' } });
}
