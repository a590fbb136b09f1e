// Obligations 7 to 12: what a save promises, what may change afterwards, and what may go.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { checkpointId } from '../../ids.js';
import { externalOperatorState, inlineOperatorState } from '../../manifest/operator-state.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import { inlineStateDigest } from '../../store/state-checks.js';
import type { StoreConformanceCase } from './store-bench.js';
import {
  assertRejects,
  chunksOf,
  manifestOf,
  openStore,
  saveNew,
  saveWithSidecar,
  stateOf,
  statesOf,
} from './store-bench.js';

export const writingCases: readonly StoreConformanceCase[] = [
  {
    title: '7: a sidecar alone is no checkpoint',
    async run(system) {
      const store = await openStore(system);
      const id = store.allocateCheckpointId();
      await store.writeSidecar(id, chunksOf(Uint8Array.of(1, 2, 3), 1), { maxBytes: 3 });
      deepEqual(await store.list(), []);
    },
  },
  {
    title: '7: a producer may use the memory of a chunk again for the next one',
    async run(system) {
      const store = await openStore(system);
      const id = store.allocateCheckpointId();
      const { byteLength, sha256 } = await store.writeSidecar(id, reusing(), { maxBytes: 100 });
      const changes = {
        operatorStates: new Map([['large', externalOperatorState(0, byteLength)]]),
        stateChecksum: sha256,
      };
      await store.saveManifest(manifestOf(store, id, { changes }));
      deepEqual(await stateOf(store, id, 'large'), Uint8Array.of(1, 1, 2, 2, 3, 3));
    },
  },
  {
    title: '7: one checksum covers inline states and the sidecar',
    async run(system) {
      const store = await openStore(system);
      const id = store.allocateCheckpointId();
      const small = inlineOperatorState(Uint8Array.of(7));
      const inlineDigest = inlineStateDigest(new Map([['small', small]]));
      const bytes = Uint8Array.of(1, 2, 3);
      const options = { maxBytes: 3, inlineDigest };
      const { sha256 } = await store.writeSidecar(id, chunksOf(bytes, 2), options);
      const hash = createHash('sha256').update(inlineDigest ?? '');
      equal(sha256, hash.update(bytes).digest('hex'));
      const operatorStates = new Map([
        ['large', externalOperatorState(0, 3)],
        ['small', small],
      ]);
      const changes = { operatorStates, stateChecksum: sha256 };
      await store.saveManifest(manifestOf(store, id, { changes }));
      deepEqual(await stateOf(store, id, 'large'), bytes);
      deepEqual(await stateOf(store, id, 'small'), Uint8Array.of(7));
    },
  },
  {
    title: '7: a sidecar above its cap is refused, and the store goes on',
    async run(system) {
      const store = await openStore(system);
      const id = store.allocateCheckpointId();
      const writing = store.writeSidecar(id, chunksOf(new Uint8Array(11), 4), { maxBytes: 10 });
      await assertRejects(writing, 'TIDEGATE_STATE_TOO_LARGE');
      await saveWithSidecar(store, Uint8Array.of(1));
    },
  },
  {
    title: '7: a producer that hangs is left when the signal is aborted',
    async run(system) {
      const store = await openStore(system);
      const abort = new AbortController();
      const hanging: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }),
      };
      const writing = store.writeSidecar(store.allocateCheckpointId(), hanging, {
        maxBytes: 10,
        signal: abort.signal,
      });
      const reason = new Error('too slow');
      abort.abort(reason);
      equal(await writing.catch((error: unknown) => error), reason);
      await saveNew(store);
    },
  },
  {
    title: '8: a manifest must state exactly the sidecar that was written for it',
    async run(system) {
      const store = await openStore(system);
      const save = async (changes: Partial<CheckpointManifest>): Promise<unknown> => {
        const id = store.allocateCheckpointId();
        await store.writeSidecar(id, chunksOf(Uint8Array.of(1, 2, 3), 3), { maxBytes: 3 });
        return store.saveManifest(manifestOf(store, id, { changes }));
      };
      const operatorStates = new Map([['large', externalOperatorState(0, 3)]]);
      await assertRejects(save({ operatorStates }), 'TIDEGATE_STATE_MISMATCH');
      const stateChecksum = '0'.repeat(64);
      await assertRejects(save({ operatorStates, stateChecksum }), 'TIDEGATE_STATE_MISMATCH');
      const beyond = new Map([['large', externalOperatorState(1, 3)]]);
      await assertRejects(save({ operatorStates: beyond }), 'TIDEGATE_STATE_MISMATCH');
      deepEqual(await store.list(), []);
    },
  },
  {
    title: '8: a manifest of an older generation is saved again, and only as the rules allow',
    async run(system) {
      const older = await openStore(system);
      const saved = await saveWithSidecar(older, Uint8Array.of(7, 8), {
        sinks: { out: 'pending' },
      });
      const id = checkpointId(saved.manifest.checkpointId);
      const newer = await openStore(system);
      await newer.saveManifest((await newer.load(id)).manifest);
      const withoutChecksum = { ...saved.manifest, stateChecksum: undefined };
      await assertRejects(newer.saveManifest(withoutChecksum), 'TIDEGATE_MANIFEST_UPDATE');
      await newer.saveManifest(withStatus(saved.manifest, 'committed'));
      await assertRejects(newer.saveManifest(saved.manifest), 'TIDEGATE_MANIFEST_UPDATE');
      equal((await newer.list())[0]?.state, 'complete');
      deepEqual(await stateOf(newer, id, 'large'), Uint8Array.of(7, 8));
    },
  },
  {
    title: '9: an update moves a checkpoint forward and never back',
    async run(system) {
      const store = await openStore(system);
      const pending = await saveNew(store, { sinks: { out: 'pending' } });
      const next = withStatus(pending.manifest, 'committed');
      const done = await store.updateManifest(pending, next);
      equal((await store.list())[0]?.state, 'complete');
      await assertRejects(store.updateManifest(done, pending.manifest), 'TIDEGATE_MANIFEST_UPDATE');
    },
  },
  {
    title: '9: an update from a stale copy is held against what is stored',
    async run(system) {
      const store = await openStore(system);
      const pending = await saveNew(store, { sinks: { out: 'pending' } });
      await store.updateManifest(pending, withStatus(pending.manifest, 'committed'));
      const back = withStatus(pending.manifest, 'failed');
      await assertRejects(store.updateManifest(pending, back), 'TIDEGATE_MANIFEST_UPDATE');
      equal((await store.list())[0]?.state, 'complete');
    },
  },
  {
    title: '10: a call whose signal is aborted before it begins changes nothing',
    async run(system) {
      const store = await openStore(system);
      const signal = AbortSignal.abort(new Error('not now'));
      const manifest = manifestOf(store, store.allocateCheckpointId());
      const outcome = await store
        .saveManifest(manifest, { signal })
        .catch((error: unknown) => error);
      equal(outcome, signal.reason);
      deepEqual(await store.list(), []);
    },
  },
  {
    title: '11: prune counts complete checkpoints and deletes the oldest',
    async run(system) {
      const store = await openStore(system);
      const saved = [];
      for (let count = 0; count < 4; count += 1) {
        saved.push(await saveWithSidecar(store, Uint8Array.of(count)));
        await saveNew(store, { sinks: { out: 'failed' } });
      }
      const [first, second] = saved.map(({ manifest }) => manifest.checkpointId);
      const report = await store.prune({ retainedCheckpoints: 2 });
      deepEqual(report.deleted, [first, second]);
      const left = await statesOf(store);
      equal(left.filter(([, state]) => state === 'complete').length, 2);
      equal(left.filter(([, state]) => state === 'in-doubt').length, 4);
      for (const [id] of left) await store.load(checkpointId(id));
    },
  },
  {
    title: '11: prune keeps complete savepoints, the newest complete checkpoint, and all above it',
    async run(system) {
      const store = await openStore(system);
      await saveNew(store, { savepoint: true });
      await saveNew(store);
      await saveNew(store);
      await saveNew(store, { sinks: { out: 'pending' } });
      equal((await store.prune({ retainedCheckpoints: 1 })).deleted.length, 1);
      const kinds = (await store.list()).map(({ kind, state }) => `${kind ?? ''} ${state}`);
      deepEqual(kinds, ['checkpoint in-doubt', 'checkpoint complete', 'savepoint complete']);
    },
  },
  {
    title: '12: what is quarantined is no longer scanned',
    async run(system) {
      const store = await openStore(system);
      const kept = await saveNew(store);
      const aside = await saveNew(store);
      await store.quarantine(checkpointId(aside.manifest.checkpointId));
      deepEqual(await statesOf(store), [[kept.manifest.checkpointId, 'complete']]);
      const next = await openStore(system);
      ok(next.allocateCheckpointId() > aside.manifest.checkpointId);
      equal((await next.list()).length, 1);
      await assertRejects(
        next.quarantine(checkpointId(aside.manifest.checkpointId)),
        'TIDEGATE_CHECKPOINT_NOT_FOUND',
      );
    },
  },
  {
    title: 'calls that overlap are done one after the other',
    async run(system) {
      const store = await openStore(system);
      const ids = [1, 2, 3].map(() => store.allocateCheckpointId());
      await Promise.all(ids.map((id) => store.saveManifest(manifestOf(store, id))));
      equal((await store.list()).length, 3);
    },
  },
];

function withStatus(
  manifest: CheckpointManifest,
  kind: 'committed' | 'failed',
): CheckpointManifest {
  const status = kind === 'failed' ? { kind, message: 'refused' } : { kind };
  return {
    ...manifest,
    sinkCommitStatuses: new Map([...manifest.sinkCommitStatuses.keys()].map((s) => [s, status])),
  };
}

/** Three chunks in one Buffer, as a reader of a file would give them. */
async function* reusing(): AsyncIterable<Uint8Array> {
  const buffer = Buffer.alloc(2);
  for (const value of [1, 2, 3]) yield await Promise.resolve(buffer.fill(value));
}
