// Obligations 1 to 4: what is saved is listed, loaded and streamed back as it was.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { checkpointId } from '../../ids.js';
import { manifestsEqual } from '../../manifest/canonical.js';
import type { StoreConformanceCase } from './store-bench.js';
import {
  assertRejects,
  manifestOf,
  openStore,
  saveNew,
  saveWithSidecar,
  stateOf,
  statesOf,
} from './store-bench.js';

const bytes = Uint8Array.from({ length: 1_000 }, (_, index) => index % 251);

export const readingCases: readonly StoreConformanceCase[] = [
  {
    title: '2: a new store lists nothing',
    async run(system) {
      const store = await openStore(system);
      deepEqual(await store.list(), []);
    },
  },
  {
    title: '2: a scan is newest first and tells the states apart',
    async run(system) {
      const store = await openStore(system);
      const done = await saveNew(store, { sinks: { out: 'committed' } });
      const doubtful = await saveNew(store, { sinks: { out: 'committed', other: 'pending' } });
      const failed = await saveNew(store, { sinks: { out: 'failed' } });
      deepEqual(await statesOf(store), [
        [failed.manifest.checkpointId, 'in-doubt'],
        [doubtful.manifest.checkpointId, 'in-doubt'],
        [done.manifest.checkpointId, 'complete'],
      ]);
    },
  },
  {
    title: '2: a checkpoint that was rolled back is reported so, whatever its sinks say',
    async run(system) {
      const store = await openStore(system);
      for (const status of ['pending', 'committed'] as const) {
        const saved = await saveNew(store, { sinks: { out: status } });
        const { tidegate, ...settled } = saved.manifest;
        ok(tidegate !== undefined);
        const rolledBack = { generation: store.generation, reason: 'no sink had committed it' };
        await store.updateManifest(saved, { ...settled, tidegate: { ...tidegate, rolledBack } });
      }
      deepEqual(
        (await store.list()).map(({ state }) => state),
        ['rolled-back', 'rolled-back'],
      );
    },
  },
  {
    title: '2: a sink that is named without a status leaves its checkpoint in doubt',
    async run(system) {
      const store = await openStore(system);
      await saveNew(store, { changes: { sinkNames: ['out'] } });
      equal((await store.list())[0]?.state, 'in-doubt');
    },
  },
  {
    title: '3: a loaded manifest says what was saved, and that it was verified',
    async run(system) {
      const store = await openStore(system);
      const saved = await saveWithSidecar(store, bytes, { sinks: { out: 'pending' } });
      const loaded = await store.load(checkpointId(saved.manifest.checkpointId));
      ok(manifestsEqual(loaded.manifest, saved.manifest));
      equal(loaded.integrity, 'verified');
      equal(loaded.sidecarByteLength, bytes.byteLength);
    },
  },
  {
    title: '3: what is not there is not found',
    async run(system) {
      const store = await openStore(system);
      await assertRejects(store.load(checkpointId(42)), 'TIDEGATE_CHECKPOINT_NOT_FOUND');
    },
  },
  {
    title: '4: operator state streams back byte for byte, from the sidecar and from the manifest',
    async run(system) {
      const store = await openStore(system);
      const saved = await saveWithSidecar(store, bytes);
      const id = checkpointId(saved.manifest.checkpointId);
      deepEqual(await stateOf(store, id, 'large'), bytes);
      deepEqual(await stateOf(store, id, 'small'), Uint8Array.of(1, 2, 3));
      equal(await stateOf(store, id, 'unknown'), undefined);
    },
  },
  {
    title: '4: what a reader does with the bytes it was given does not reach the store',
    async run(system) {
      const store = await openStore(system);
      const saved = await saveWithSidecar(store, bytes);
      const id = checkpointId(saved.manifest.checkpointId);
      const stream = store.readOperatorState(await store.load(id), 'large');
      for await (const piece of stream ?? []) piece.fill(0);
      deepEqual(await stateOf(store, id, 'large'), bytes);
    },
  },
  {
    title: 'a read-only opening sees everything, takes no generation and fences no owner',
    async run(system) {
      const store = await openStore(system);
      const saved = await saveWithSidecar(store, bytes);
      const id = checkpointId(saved.manifest.checkpointId);
      const connected = await system.connect();
      const reader = await connected.openReadOnly();
      equal(reader.storeId, store.storeId);
      equal(reader.pipeline, store.pipeline);
      equal((await reader.load(id)).sidecarByteLength, bytes.byteLength);
      await saveNew(store);
      equal((await reader.list()).length, 2);
      await reader.close();
      const next = await openStore(system);
      equal(next.generation, store.generation + 1);
    },
  },
  {
    title: 'names in a manifest are never paths',
    async run(system) {
      const store = await openStore(system);
      const id = store.allocateCheckpointId();
      const name = '../../../escape';
      const manifest = manifestOf(store, id, { sinks: { [name]: 'pending' } });
      await store.saveManifest(manifest);
      ok(manifestsEqual((await store.load(id)).manifest, manifest));
    },
  },
];
