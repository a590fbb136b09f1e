// What one session of a filesystem store reads and writes, and what it says when that fails.

import { beforeEach, describe, expect, test } from '@jest/globals';
import type { CheckpointId } from 'tidegate';
import type { OwnedStore, SavedManifest } from 'tidegate/extend';
import type { DiskHooks, DiskOperation } from 'tidegate/testing';
import { saveNew, saveWithSidecar } from '../../src/testing/store-conformance/store-bench.js';
import { Bench, layout } from './file-system-bench.js';

let bench: Bench;
let store: OwnedStore;
let operations: DiskOperation[];
let fails: (operation: DiskOperation) => boolean;

const hooks: DiskHooks = {
  before: (operation) => {
    operations.push(operation);
    return fails(operation) ? { code: 'EIO', effect: 'none' } : undefined;
  },
};

beforeEach(async () => {
  bench = new Bench();
  fails = () => false;
  operations = [];
  store = await bench.open({}, hooks);
});

const idOf = ({ manifest }: SavedManifest): CheckpointId => manifest.checkpointId as CheckpointId;

async function failureOf(call: () => Promise<unknown>): Promise<string> {
  const error = await call().then(
    () => new Error('it did not fail'),
    (problem: unknown) => problem as Error,
  );
  expect(error).toMatchObject({ code: 'TIDEGATE_STORE_IO' });
  return error.message;
}

describe('a failure of the disk says what was being done', () => {
  test('when a checkpoint is updated', async () => {
    const saved = await saveNew(store);
    fails = ({ kind }) => kind === 'create-file';

    expect(await failureOf(() => store.updateManifest(saved, saved.manifest))).toMatch(
      new RegExp(`^updating checkpoint ${idOf(saved)} failed: `),
    );
  });

  test('when checkpoints are pruned', async () => {
    for (let count = 0; count < 3; count += 1) await saveNew(store);
    fails = ({ kind }) => kind === 'rename';

    expect(await failureOf(() => store.prune({ retainedCheckpoints: 1 }))).toMatch(
      /^pruning failed: /,
    );
  });

  test('when one is set aside: it is not taken for missing', async () => {
    const id = idOf(await saveNew(store));
    fails = ({ kind, path }) => kind === 'stat' && path === layout.checkpoint(id);

    expect(await failureOf(() => store.quarantine(id))).toMatch(
      new RegExp(`^quarantining checkpoint ${id} failed: `),
    );
  });

  test('when they are listed, or one is loaded', async () => {
    const id = idOf(await saveNew(store));
    fails = ({ kind }) => kind === 'list-directory' || kind === 'stat';

    expect(await failureOf(() => store.list())).toMatch(/^listing \/store failed: /);
    expect(await failureOf(() => store.load(id))).toMatch(
      new RegExp(`^loading ${layout.checkpoint(id)} failed: `),
    );
  });

  test('when a manifest is read for a listing', async () => {
    const id = idOf(await saveNew(store));
    fails = ({ kind, path }) => kind === 'open-file' && path === layout.manifest(id);

    expect(await failureOf(() => store.list())).toContain(`reading ${layout.manifest(id)} failed`);
  });

  test('when a store is opened, to write or to read', async () => {
    fails = ({ kind, path }) => kind === 'stat' && path === layout.ownFolder;

    expect(await failureOf(() => bench.open({}, hooks))).toMatch(/^opening \/store failed: /);
    expect(await failureOf(() => bench.store({}, hooks).openReadOnly())).toMatch(
      /^opening \/store failed: /,
    );
  });
});

describe('a save', () => {
  test('of a manifest that cannot be read just now does not write over it', async () => {
    const { manifest } = await saveNew(store);
    const path = layout.manifest(manifest.checkpointId);
    const later = await bench.open({}, hooks);
    const before = bench.text(path);
    fails = (operation) => operation.kind === 'open-file' && operation.path === path;

    await failureOf(() => later.saveManifest({ ...manifest, epoch: 99 }));

    expect(bench.text(path)).toBe(before);
  });

  test('that follows a save of the same checkpoint reads nothing', async () => {
    const saved = await saveNew(store);
    operations = [];

    await store.updateManifest(saved, saved.manifest);

    expect(operations.filter(({ kind }) => kind === 'open-file')).toEqual([]);
  });
});

describe('a listing', () => {
  test('counts the bytes of manifest and sidecar', async () => {
    const id = idOf(await saveWithSidecar(store, Buffer.alloc(20, 1)));
    const manifest = bench.disk.tree().get(layout.manifest(id));

    expect((await store.list())[0]?.byteLength).toBe(20 + manifest!.byteLength);
  });

  test('leaves out what vanishes while it is read', async () => {
    const id = idOf(await saveNew(store));
    const other = bench.disk.mount().fileSystem;
    const after: DiskHooks['after'] = async ({ kind, path }) => {
      if (kind === 'list-directory' && path === layout.directory) {
        await other.rename(layout.checkpoint(id), '/store/elsewhere');
      }
    };
    const reader = await bench.store({}, { after }).openReadOnly();

    expect(await reader.list()).toEqual([]);
  });

  test('names what is no directory', async () => {
    const id = store.allocateCheckpointId();
    await bench.put(layout.checkpoint(id), 'x');

    const [listing] = await store.list();

    expect(listing).toMatchObject({
      state: 'corrupt',
      problem: { message: `${layout.checkpoint(id)} is not a directory` },
    });
    await expect(store.load(id)).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_CORRUPT',
      message: `${layout.checkpoint(id)} is not a directory`,
    });
  });
});

describe('pruning', () => {
  test('that could not be made durable is made so before the next one takes anything out', async () => {
    for (let count = 0; count < 3; count += 1) await saveNew(store);
    fails = ({ kind, path }) => kind === 'sync-directory' && path === layout.directory;
    await failureOf(() => store.prune({ retainedCheckpoints: 2 }));
    fails = () => false;
    operations = [];

    await store.prune({ retainedCheckpoints: 1 });
    await saveNew(store);
    await store.prune({ retainedCheckpoints: 1 });

    const order = operations
      .filter(({ kind, path }) => {
        if (kind === 'rename') return path.startsWith('/store/checkpoint_');
        return kind === 'sync-directory' && path === layout.directory;
      })
      .map(({ kind }) => kind);
    // The first, again; one checkpoint; the save's own; and one more checkpoint.
    expect(order).toEqual([
      'sync-directory',
      'rename',
      'sync-directory',
      'sync-directory',
      'rename',
      'sync-directory',
    ]);
  });
});
