// Obligations 5 and 6: one owner at a time, and no number twice.

import { equal, notEqual, ok } from 'node:assert/strict';
import { checkpointId, generationOfCheckpointId } from '../../ids.js';
import { manifestsEqual } from '../../manifest/canonical.js';
import type { OwnedStore } from '../../store/checkpoint-store.js';
import type { StoreConformanceCase, StoreSystem } from './store-bench.js';
import {
  assertRejects,
  chunksOf,
  manifestOf,
  openStore,
  saveNew,
  statesOf,
} from './store-bench.js';

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
      const before = await statesOf(newer);
      await assertFenced(older, () => older.saveManifest(manifestOf(older, id)));
      await assertFenced(older, () =>
        older.updateManifest(saved, committed(older, saved.manifest.checkpointId)),
      );
      await assertFenced(older, () => older.prune({ retainedCheckpoints: 1 }));
      await assertFenced(older, () => older.setAside(checkpointId(saved.manifest.checkpointId)));
      await assertFenced(older, () =>
        older.writeSidecar(id, chunksOf(Uint8Array.of(1), 1), { maxBytes: 10 }),
      );
      await assertFenced(older, () => older.takeNextGeneration());
      equal(JSON.stringify(await statesOf(newer)), JSON.stringify(before));
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

const firstCalls: readonly ((owner: OwnedStore) => Promise<unknown>)[] = [
  (owner) => saveNew(owner),
  (owner) => owner.prune({ retainedCheckpoints: 1 }),
  (owner) => owner.takeNextGeneration(),
];

async function assertFirstCallFenced(
  system: StoreSystem,
  call: (owner: OwnedStore) => Promise<unknown>,
): Promise<void> {
  const older = await openStore(system);
  // Two that prune has something to do with.
  await saveNew(older);
  await saveNew(older);
  await openStore(system);
  await assertFenced(older, () => call(older));
}

async function assertFenced(_owner: OwnedStore, call: () => Promise<unknown>): Promise<void> {
  await assertRejects(call(), 'TIDEGATE_FENCED');
}

function committed(store: OwnedStore, id: number): ReturnType<typeof manifestOf> {
  return manifestOf(store, checkpointId(id), { sinks: { out: 'committed' } });
}
