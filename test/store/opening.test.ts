// What an opening makes, makes durable, and removes.

import { describe, expect, test } from '@jest/globals';
import { checkpointIdsPerGeneration } from '../../src/ids.js';
import { FileSystemCheckpointStore } from 'tidegate';
import { SimulatedDisk } from 'tidegate/testing';
import type { DiskHooks } from 'tidegate/testing';
import { saveNew } from '../../src/testing/store-conformance/store-bench.js';
import { Bench, failing, layout, oneByte } from './file-system-bench.js';

describe('an opening', () => {
  test('makes the directories above it, too, and syncs each name that it made', async () => {
    const disk = new SimulatedDisk();
    const synced: string[] = [];
    const { fileSystem } = disk.mount({
      after: ({ kind, path }) => {
        if (kind === 'sync-directory') synced.push(path);
      },
    });
    const store = new FileSystemCheckpointStore('/a/b/store', { fileSystem, heartbeatMs: 0 });

    await store.open({ pipeline: 'orders' });

    expect(synced).toEqual(['/a/b/store/tidegate', '/a/b', '/a', '/', '/a/b/store']);
  });

  test('passes over a directory above that it may not read, and over no other failure', async () => {
    const openWith = (code: string) => {
      const bench = new Bench();
      const hooks = failing(({ kind, path }) => kind === 'sync-directory' && path === '/', code);
      return bench.open({}, hooks);
    };

    expect((await openWith('EACCES')).generation).toBe(1);
    expect((await openWith('EPERM')).generation).toBe(1);
    await expect(openWith('EIO')).rejects.toMatchObject({ code: 'TIDEGATE_STORE_IO' });
  });

  test('syncs what it can see, and nothing that is no checkpoint', async () => {
    const bench = new Bench();
    const saved = await saveNew(await bench.open());
    await bench.put('/store/notes/x');
    await bench.put('/store/checkpoint_000042');
    const synced: string[] = [];

    await bench.open(
      {},
      {
        after: ({ kind, path }) => {
          if (kind === 'sync-directory') synced.push(path);
        },
      },
    );

    expect(synced).toEqual([
      '/store/tidegate',
      '/',
      '/store',
      layout.checkpoint(saved.manifest.checkpointId),
    ]);
  });

  test('removes what older owners left, logs what it cannot remove, and opens', async () => {
    const bench = new Bench();
    const first = await bench.open();
    await first.writeSidecar(first.allocateCheckpointId(), oneByte(), { maxBytes: 1 });
    const orphan = layout.checkpoint(checkpointIdsPerGeneration + 9);
    await bench.put(`${orphan}/state.bin`);
    const kept = layout.checkpoint(checkpointIdsPerGeneration + 10);
    await bench.put(`${kept}/somebody's`);
    const later = layout.checkpoint(9 * checkpointIdsPerGeneration + 1);
    const hooks = failing(({ kind, path }) => kind === 'remove-file' && path.startsWith(orphan));

    const stuck = await bench.open({}, hooks);

    expect(bench.paths().filter((path) => path.includes('retired'))).toEqual([]);
    expect(bench.logged).toMatchObject([
      {
        level: 'warn',
        message: 'could not clean up after an older owner',
        fields: { path: orphan, err: { code: 'EIO' } },
      },
    ]);
    expect((await stuck.list()).map(({ state }) => state)).toEqual(['orphan', 'orphan']);
    await bench.put(`${later}/state.bin`);
    const listed = await (await bench.open()).list();
    expect(listed.map(({ id }) => layout.checkpoint(id))).toEqual([kept]);
  });

  test('brings back what an owner had half set aside', async () => {
    const bench = new Bench();
    const first = await bench.open();
    const { checkpointId: id } = (await saveNew(first)).manifest;
    let renames = 0;
    const hooks: DiskHooks = {
      before: ({ kind }) =>
        kind === 'rename' && ++renames === 3 ? { code: 'EIO', effect: 'none' } : undefined,
    };
    const second = await bench.open({}, hooks);
    renames = 1;
    await expect(second.quarantine(id as never)).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_IO',
      message: expect.stringMatching(
        new RegExp(`^quarantining checkpoint ${id} failed: `),
      ) as unknown,
    });
    expect(bench.paths().some((path) => path.startsWith(layout.quarantined(id)))).toBe(false);

    await bench.open();

    expect(bench.paths()).toContain(`${layout.quarantined(id)}/manifest.json`);
  });

  test('that loses to another process each time gives up after 64 rounds', async () => {
    const bench = new Bench();
    let rounds = 0;
    const hooks: DiskHooks = {
      before: ({ kind, path }) => {
        if (kind !== 'make-directory' || !/generation_\d+$/.test(path)) return undefined;
        rounds += 1;
        return { code: 'EEXIST', effect: 'none' };
      },
    };

    await expect(bench.open({}, hooks)).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_OWNED',
      message: '64 times another process took /store first',
    });
    expect(rounds).toBe(64);
  });
});

describe('cleaning up', () => {
  /** What another process leaves behind while this one opens: after its syncs, before it cleans. */
  async function openWhile(bench: Bench, others: readonly string[]): Promise<void> {
    let syncs = 0;
    const after: DiskHooks['after'] = async ({ kind, path }) => {
      if (kind !== 'sync-directory' || path !== layout.directory || syncs++ > 0) return;
      for (const other of others) await bench.put(other);
    };
    await bench.open({}, { after });
  }

  test('leaves alone what is of this owner, of a later one, and what is no directory', async () => {
    const bench = new Bench();
    await bench.open();
    const own = `${layout.checkpoint(2 * checkpointIdsPerGeneration + 1)}/state.bin`;
    const later = `${layout.checkpoint(9 * checkpointIdsPerGeneration + 1)}/state.bin`;
    const retiredLater = `${layout.retired(2, 9)}/x`;
    const file = layout.checkpoint(checkpointIdsPerGeneration + 1);

    await openWhile(bench, [own, later, retiredLater, file]);

    expect(bench.paths()).toEqual(expect.arrayContaining([own, later, retiredLater, file]));
    expect(bench.logged).toEqual([]);
  });

  test('brings back only what lay in a staging directory', async () => {
    const bench = new Bench();
    const name = `corrupt_checkpoint_${checkpointIdsPerGeneration + 1}`;
    await bench.put(`${layout.generation(1)}/other/${name}/manifest.json`);

    await bench.open();

    expect(bench.paths().filter((path) => path.includes(name))).toEqual([]);
  });

  test('logs a directory that cannot be removed, unless something else lies in it', async () => {
    const bench = new Bench();
    await bench.open();
    const orphan = layout.checkpoint(checkpointIdsPerGeneration + 9);
    await bench.put(`${orphan}/state.bin`);
    await bench.put(`${layout.checkpoint(checkpointIdsPerGeneration + 10)}/somebody's`);
    const hooks = failing(({ kind, path }) => kind === 'remove-directory' && path === orphan);

    await bench.open({}, hooks);

    expect(bench.logged).toMatchObject([{ fields: { path: orphan, err: { code: 'EIO' } } }]);
  });
});
