// Taking a generation, alone and while somebody else does.

import { describe, expect, test } from '@jest/globals';
import { checkpointIdsPerGeneration, highestGeneration } from '../../src/ids.js';
import type { DiskHooks } from 'tidegate/testing';
import { saveNew } from '../../src/testing/store-conformance/store-bench.js';
import { Bench, failing, identity, layout } from './file-system-bench.js';

describe('the next generation', () => {
  test('fences the one that it was taken from, and is taken once', async () => {
    const bench = new Bench();
    const first = await bench.open();
    const second = await first.takeNextGeneration();

    expect(second.generation).toBe(2);
    await expect(saveNew(first)).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
    await expect(first.takeNextGeneration()).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
      message: 'generation 1 was overtaken by generation 2',
    });
    await saveNew(second);
  });

  test('is refused by name where somebody else has taken it', async () => {
    const bench = new Bench();
    const old = await bench.open();
    await bench.open();

    await expect(old.takeNextGeneration()).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
      message: 'generation 1 was overtaken by generation 2',
    });
  });

  test('that was won but not opened is followed by another of the same session', async () => {
    const bench = new Bench();
    let isFailing = false;
    const hooks = failing(
      ({ kind, path }) => isFailing && kind === 'sync-directory' && path === layout.ownFolder,
    );
    const first = await bench.open({}, hooks);
    isFailing = true;
    await expect(first.takeNextGeneration()).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_IO',
      message: expect.stringMatching(/^taking the generation after 1 failed: /) as unknown,
    });
    isFailing = false;

    expect((await first.takeNextGeneration()).generation).toBe(3);
  });

  test('does not exist above the highest', async () => {
    const bench = new Bench();
    await bench.open();
    await bench.put(`/store/tidegate/generation_${highestGeneration}/staging_00/x`);

    await expect(bench.open()).rejects.toMatchObject({
      code: 'TIDEGATE_GENERATIONS_EXHAUSTED',
      message:
        `generation ${highestGeneration + 1} is above ${highestGeneration}: the ids in /store ` +
        'reach up to the last one',
    });
  });

  test('is above every generation that left a trace, also one that was only retired by', async () => {
    const generationAfter = async (path: string) => {
      const bench = new Bench();
      await (await bench.open()).close();
      await bench.put(path);
      return (await bench.open()).generation;
    };

    expect(await generationAfter('/store/tidegate/generation_000007/x')).toBe(8);
    expect(await generationAfter('/store/tidegate/retired_000003_000005/x')).toBe(6);
    const id = 4 * checkpointIdsPerGeneration + 1;
    expect(await generationAfter(`/store/checkpoint_${id}/x`)).toBe(5);
    expect(await generationAfter(`/store/corrupt_checkpoint_${id}/x`)).toBe(5);
    expect(await generationAfter(`/store/other_${id}/x`)).toBe(2);
  });

  test('is the highest that there can be, and none is above it', async () => {
    const bench = new Bench();
    await bench.put(`/store/tidegate/generation_${highestGeneration - 1}/x`);

    const store = await bench.open();

    expect(store.generation).toBe(highestGeneration);
    await expect(store.takeNextGeneration()).rejects.toMatchObject({
      code: 'TIDEGATE_GENERATIONS_EXHAUSTED',
    });
  });

  test('that is taken while a higher one exists ends fenced by that one', async () => {
    const bench = new Bench();
    const old = await bench.open({ heartbeatMs: 300 });
    await bench.put(`${layout.generation(5)}/x`);

    await expect(old.takeNextGeneration()).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
      message: 'generation 2 was overtaken by generation 5',
    });
    // Its heart stops: it no longer owns anything.
    expect(bench.clock.timerCount).toBe(0);
  });

  test('that is renamed away while it is taken was overtaken', async () => {
    const bench = new Bench();
    const isStaging = ({ kind, path }: { kind: string; path: string }): boolean =>
      kind === 'make-directory' && path.startsWith(`${layout.generation(2)}/`);
    const old = await bench.open({}, failing(isStaging, 'ENOENT'));

    await expect(old.takeNextGeneration()).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
      message: 'generation 2 was overtaken by a newer owner',
      cause: { code: 'ENOENT' },
    });
  });

  test('that the disk did not give is no news of another owner', async () => {
    const bench = new Bench();
    const isGeneration = ({ kind, path }: { kind: string; path: string }): boolean =>
      kind === 'make-directory' && path === layout.generation(2);
    const first = await bench.open({}, failing(isGeneration));

    await expect(first.takeNextGeneration()).rejects.toMatchObject({ code: 'TIDEGATE_STORE_IO' });

    await saveNew(first);
  });
});

describe('an opening', () => {
  test('that is overtaken half-way begins anew', async () => {
    const bench = new Bench();
    let isFirst = true;
    const hooks: DiskHooks = {
      before: ({ kind, path }) => {
        if (!isFirst || kind !== 'make-directory' || !path.includes('staging')) return undefined;
        isFirst = false;
        return { code: 'ENOENT', effect: 'none' };
      },
    };

    expect((await bench.open({}, hooks)).generation).toBe(2);
  });

  test.each([
    ['the directory of its generation', 'generation_000001'],
    ['its staging directory', 'generation_000001/staging_'],
  ])('that the disk does not give %s fails', async (_what, part) => {
    const bench = new Bench();
    const hooks = failing(({ kind, path }) => kind === 'make-directory' && path.includes(part));

    await expect(bench.open({}, hooks)).rejects.toMatchObject({ code: 'TIDEGATE_STORE_IO' });
  });

  test('asks the newest owner that is left, in whatever order they are listed', async () => {
    const bench = new Bench();
    const owner = (generation: number, pid: number): Promise<void> =>
      bench.put(
        `${layout.generation(generation)}/staging_00/owner.json`,
        JSON.stringify({ ...identity, pid, heartbeatMs: 1_000 }),
      );
    await owner(3, 33);
    await owner(2, 22);
    const processes = { self: () => identity, livenessOf: () => 'running' as const };

    const opening = bench.store({ processes }).open({ pipeline: 'orders', liveOwner: 'refuse' });

    await expect(opening).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_OWNED',
      message: '/store is owned by process 33 on here (generation 3)',
      details: { pid: 33, host: 'here', generation: 3 },
    });
  });

  test('syncs its identity before its name, and never who it is', async () => {
    const bench = new Bench();
    const synced: string[] = [];
    const after: DiskHooks['after'] = ({ kind, path }) => {
      if (kind === 'sync-file') synced.push(path.split('/').at(-1) ?? '');
    };

    await bench.open({}, { after });

    expect(synced).toEqual(['store.json']);
  });
});
