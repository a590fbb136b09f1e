// The filesystem store step by step: whose it is, what its errors say, what it leaves behind.

import { describe, expect, test } from '@jest/globals';
import { FileSystemCheckpointStore, TidegateError } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { OwnedStore } from 'tidegate/extend';
import { createManifest, externalOperatorState, serializeManifest } from 'tidegate/manifest';
import type { DiskOperation } from 'tidegate/testing';
import { removeTree } from '../../src/runtime/small-files.js';
import { parseOwner } from '../../src/store/filesystem/owner.js';
import { manifestOf, saveNew } from '../../src/testing/store-conformance/store-bench.js';
import { ownFields } from './own-fields.js';
import { Bench, failing, identity, layout, oneByte } from './file-system-bench.js';

describe('the identity of a store', () => {
  test('is written once, with the version of its form, the id and the pipeline', async () => {
    const bench = new Bench();
    const store = await bench.open();

    expect(JSON.parse(bench.text(layout.identity))).toEqual({
      formatVersion: 1,
      storeId: store.storeId,
      pipeline: 'orders',
    });
    expect(store.storeId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect((await bench.open()).storeId).toBe(store.storeId);
  });

  test('is not written a second time', async () => {
    const bench = new Bench();
    await (await bench.open()).close();
    const renamed: string[] = [];
    const before = ({ kind, to = '' }: DiskOperation): undefined => {
      if (kind === 'rename') renamed.push(to);
    };
    await bench.open({}, { before });
    expect(renamed).not.toContain(layout.identity);
  });

  test('of another pipeline is refused with both names, before anything is made', async () => {
    const bench = new Bench();
    const { storeId } = await bench.open();
    const before = bench.paths();

    await expect(bench.store().open({ pipeline: 'clicks' })).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_PIPELINE',
      message: `the store ${storeId} in /store belongs to pipeline "orders", not to "clicks"`,
      details: { stored: 'orders', asked: 'clicks' },
    });
    expect(bench.paths()).toEqual(before);
  });

  test.each([
    ['nothing', ''],
    ['null', 'null'],
    ['a number', '7'],
    ['text', '"text"'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['one with an empty id', '{"storeId":"","pipeline":"orders"}'],
    ['one without a pipeline', '{"storeId":"s"}'],
    ['one without an id', '{"pipeline":"orders"}'],
    ['an empty id', '{"storeId":"","pipeline":"orders"}'],
    ['an id that is no text', '{"storeId":1,"pipeline":"orders"}'],
    ['a pipeline that is no text', '{"storeId":"s","pipeline":1}'],
    ['more than 64 KiB', ' '.repeat(65_537)],
  ])('that is damaged, %s, is refused by its path', async (_what, text) => {
    const bench = new Bench();
    await bench.open();
    bench.disk.writeFile(layout.identity, Buffer.from(text));

    await expect(bench.open()).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_CORRUPT',
      message:
        '/store/tidegate/store.json is not a store identity: put it aside, the checkpoints name the store, too',
    });
    await expect(bench.store().openReadOnly()).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_CORRUPT',
    });
  });

  test('in a folder that is none is refused as such', async () => {
    const bench = new Bench();
    await bench.put(layout.ownFolder, 'x');

    await expect(bench.open()).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_CORRUPT',
      message: '/store/tidegate is not a directory',
    });
  });

  test('begins with the time at which it was made, and goes on by chance', async () => {
    const [first, second] = [new Bench(), new Bench()];
    const one = (await first.open()).storeId;

    expect(Number.parseInt(one.replaceAll('-', '').slice(0, 12), 16)).toBe(first.clock.now());
    expect((await second.open()).storeId).toBe(one);
  });

  test('may have white space up to 64 KiB, and is read by a reader', async () => {
    const bench = new Bench();
    const text = '{"storeId":"s","pipeline":"orders"}';
    await bench.open();
    bench.disk.writeFile(layout.identity, Buffer.from(text.padEnd(65_536)));

    const reader = await bench.store().openReadOnly();

    expect([reader.storeId, reader.pipeline]).toEqual(['s', 'orders']);
    await reader.close();
    const nothing = await new Bench().store().openReadOnly();
    expect([nothing.storeId, nothing.pipeline]).toEqual([undefined, undefined]);
  });

  test('that cannot be read for want of a right is not made anew', async () => {
    const bench = new Bench();
    await bench.open();
    const before = bench.text(layout.identity);
    const hooks = failing(({ path }) => path === layout.identity, 'EACCES');

    await expect(bench.open({}, hooks)).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_PERMISSION',
      message: expect.stringMatching(/^opening \/store failed: /) as unknown,
    });
    expect(bench.text(layout.identity)).toBe(before);
  });

  describe('that was deleted', () => {
    async function withoutIdentity(checkpoints: number) {
      const bench = new Bench();
      // Not the chance of later openings, which would make the same id again.
      const store = await bench.open({ random: seededRandom(5) });
      const ids: number[] = [];
      for (let count = 0; count < checkpoints; count += 1) {
        ids.push((await saveNew(store)).manifest.checkpointId);
      }
      await store.close();
      await bench.disk.mount().fileSystem.removeFile(layout.identity);
      return { bench, storeId: store.storeId, ids };
    }

    test('is what the manifests name, and is written again', async () => {
      const { bench, storeId } = await withoutIdentity(2);

      expect(await bench.store().openReadOnly()).toMatchObject({ storeId, pipeline: 'orders' });
      expect((await bench.open()).storeId).toBe(storeId);
      expect(JSON.parse(bench.text(layout.identity))).toMatchObject({ storeId });
    });

    test('is what an older manifest names when the newest is damaged', async () => {
      const { bench, storeId, ids } = await withoutIdentity(2);
      bench.disk.writeFile(layout.manifest(ids[1]!), Buffer.from('{'));

      expect((await bench.open()).storeId).toBe(storeId);
    });

    test('is what the newest manifest with an identity names, not an older or an empty one', async () => {
      const { bench, storeId, ids } = await withoutIdentity(3);
      const named = (id: number, name: string): void => {
        const manifest = { ...createManifest(id, 1), tidegate: { ...ownFields, storeId: name } };
        bench.disk.writeFile(layout.manifest(id), Buffer.from(serializeManifest(manifest)));
      };
      named(ids[0]!, 'older');
      named(ids[2]!, '');

      expect((await bench.store().openReadOnly()).storeId).toBe(storeId);
      expect((await bench.open()).storeId).toBe(storeId);
    });

    test('is a new one where a crash has left nothing but a directory', async () => {
      const { bench, storeId } = await withoutIdentity(0);
      await bench.disk.mount().fileSystem.makeDirectory(layout.checkpoint(16_777_218));

      expect((await bench.open()).storeId).not.toBe(storeId);
    });

    test('is not made anew where manifests are there and none can be read', async () => {
      const { bench, storeId } = await withoutIdentity(2);
      const before = bench.paths();

      await expect(bench.open({ maxManifestBytes: 10 })).rejects.toMatchObject({
        code: 'TIDEGATE_MANIFEST_TOO_LARGE',
      });
      expect(bench.paths()).toEqual(before);
      const { storeId: seen } = await bench.store({ maxManifestBytes: 10 }).openReadOnly();
      expect(seen).toBeUndefined();
      expect((await bench.open()).storeId).toBe(storeId);
    });

    test('is a new one where all manifests that can be read are of another program', async () => {
      const { bench, storeId, ids } = await withoutIdentity(2);
      const foreign = serializeManifest(createManifest(ids[0]!, 1));
      bench.disk.writeFile(layout.manifest(ids[0]!), Buffer.from(foreign));
      bench.disk.writeFile(layout.manifest(ids[1]!), Buffer.from('{'));

      expect((await bench.open()).storeId).not.toBe(storeId);
    });

    test('together with the whole folder leaves ids and generations above the old ones', async () => {
      const { bench, storeId, ids } = await withoutIdentity(2);
      await removeTree(bench.disk.mount().fileSystem, layout.ownFolder);
      const store = await bench.open();

      expect([store.storeId, store.generation]).toEqual([storeId, 2]);
      expect((await saveNew(store)).manifest.checkpointId).toBeGreaterThan(ids[1]!);
    });

    test('keeps another pipeline out, before anything is made', async () => {
      const { bench } = await withoutIdentity(1);
      const before = bench.paths();

      await expect(bench.store().open({ pipeline: 'clicks' })).rejects.toMatchObject({
        code: 'TIDEGATE_STORE_PIPELINE',
      });
      expect(bench.paths()).toEqual(before);
    });

    test('is a new one where there was no checkpoint yet', async () => {
      const { bench, storeId } = await withoutIdentity(0);
      expect((await bench.store().openReadOnly()).storeId).toBeUndefined();
      expect((await bench.open()).storeId).not.toBe(storeId);
    });

    test('is not guessed when a manifest cannot be read', async () => {
      const { bench, ids } = await withoutIdentity(2);
      const newest = layout.manifest(ids[1]!);
      const hooks = failing(({ path }) => path === newest, 'EIO');

      await expect(bench.open({}, hooks)).rejects.toMatchObject({
        code: 'TIDEGATE_STORE_IO',
        message: expect.stringContaining(`reading ${newest} failed: `) as unknown,
      });
      expect(bench.paths()).not.toContain(layout.identity);
    });
  });
});

test('a store of no directory, or with options that there are not, says what it is', () => {
  expect(() => new FileSystemCheckpointStore('')).toThrow(
    /^the directory of a checkpoint store is /,
  );
  expect(() => new FileSystemCheckpointStore('/store', { heartbeat: 1 } as object)).toThrow(
    /^a checkpoint store: there is no option heartbeat: there are /,
  );
});

describe('an owner', () => {
  test('says who it is in its staging directory, until it closes', async () => {
    const bench = new Bench();
    const store = await bench.open({ heartbeatMs: 250 });
    const file = bench.paths().find((path) => path.endsWith('/owner.json')) ?? '';

    expect(file).toMatch(
      /^\/store\/tidegate\/generation_000001\/staging_[0-9a-f]{16}\/owner.json$/,
    );
    expect(JSON.parse(bench.text(file))).toEqual({ ...identity, heartbeatMs: 250 });
    await store.close();
    expect(bench.paths()).not.toContain(file);
    await store.close();
  });

  test('is read back whole, or not at all', () => {
    const facts = { ...identity, heartbeatMs: 250 };
    const parse = (value: unknown) => parseOwner(Buffer.from(JSON.stringify(value)));

    expect(parse(facts)).toEqual({ identity, heartbeatMs: 250 });
    for (const name of Object.keys(facts)) {
      expect([name, parse({ ...facts, [name]: undefined })]).toEqual([name, undefined]);
      expect([name, parse({ ...facts, [name]: [] })]).toEqual([name, undefined]);
    }
    expect(parse(null)).toBeUndefined();
    expect(parse('text')).toBeUndefined();
    expect(parseOwner(Buffer.from('{'))).toBeUndefined();
  });

  test('that was overtaken is fenced by name, and its close leaves the new owner alone', async () => {
    const bench = new Bench();
    const old = await bench.open();
    const next = await bench.open();

    await expect(saveNew(old)).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
      message: 'generation 1 was overtaken by a newer owner',
      details: { generation: 1 },
    });
    await old.close();
    await saveNew(next);
    const retired = bench.paths().filter((path) => path.includes('retired'));
    expect(retired).toEqual([]);
  });

  test('that closed says so to every call', async () => {
    const bench = new Bench();
    const store = await bench.open();
    await store.close();

    await expect(saveNew(store)).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_CLOSED',
      message: 'generation 1 was closed',
    });
    await expect(store.takeNextGeneration()).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_CLOSED',
    });
  });

  test('that cannot say goodbye logs it, and does not fail', async () => {
    const bench = new Bench();
    const hooks = failing(
      ({ kind, path }) => kind === 'remove-file' && path.endsWith('owner.json'),
    );
    const store = await bench.open({}, hooks);

    await store.close();

    expect(bench.logged).toMatchObject([
      {
        level: 'warn',
        message: 'could not remove the owner file',
        fields: { path: expect.stringMatching(/staging_/) as unknown, err: { code: 'EIO' } },
      },
    ]);
  });
});

describe('a call that fails', () => {
  const inChunks = async function* (...chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  };

  test.each([
    ['saving', (store: OwnedStore) => saveNew(store), /^saving checkpoint 16777217 failed: /],
    [
      'writing a sidecar',
      (store: OwnedStore) =>
        store.writeSidecar(store.allocateCheckpointId(), oneByte(), { maxBytes: 1 }),
      /^writing the sidecar of checkpoint 16777217 failed: /,
    ],
  ])('says what it was doing: %s', async (_what, call, message) => {
    const bench = new Bench();
    let isFailing = false;
    const store = await bench.open(
      {},
      failing(({ kind }) => isFailing && kind === 'create-file'),
    );
    isFailing = true;

    await expect(call(store)).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_IO',
      message: expect.stringMatching(message) as unknown,
    });
    isFailing = false;
    await saveNew(store);
  });

  test('names the checkpoint that is not there, or is another', async () => {
    const bench = new Bench();
    const store = await bench.open();
    const first = await saveNew(store);
    const second = await saveNew(store);
    const [id, other] = [first, second].map(({ manifest }) => manifest.checkpointId as never);

    await expect(store.load(99 as never)).rejects.toMatchObject({
      code: 'TIDEGATE_CHECKPOINT_NOT_FOUND',
      message: 'there is no checkpoint 99',
    });
    await expect(store.quarantine(99 as never)).rejects.toMatchObject({
      code: 'TIDEGATE_CHECKPOINT_NOT_FOUND',
    });
    bench.disk.writeFile(layout.manifest(other!), bench.disk.tree().get(layout.manifest(id!))!);
    await expect(store.load(other!)).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_CORRUPT',
      message: `${layout.manifest(other!)} is the manifest of checkpoint ${Number(id)}`,
    });
    await expect(
      store.updateManifest(first, { ...first.manifest, epoch: 2 }),
    ).rejects.toMatchObject({ code: 'TIDEGATE_MANIFEST_UPDATE' });
  });

  test('tells a manifest that is too large by its limit, on the way in and out', async () => {
    const bench = new Bench();
    const store = await bench.open();
    const { manifest } = await saveNew(store);
    await store.close();
    const byteLength = bench.disk.tree().get(layout.manifest(manifest.checkpointId))!.byteLength;
    const small = await bench.open({ maxManifestBytes: byteLength - 1 });

    await expect(small.load(manifest.checkpointId as never)).rejects.toMatchObject({
      code: 'TIDEGATE_MANIFEST_TOO_LARGE',
      message: `${layout.manifest(manifest.checkpointId)} has more than ${byteLength - 1} bytes`,
    });
    await expect(saveNew(small)).rejects.toMatchObject({ code: 'TIDEGATE_MANIFEST_TOO_LARGE' });
    const exact = await bench.open({ maxManifestBytes: byteLength });
    await exact.load(manifest.checkpointId as never);
  });

  test('leaves nothing of an abandoned or replaced sidecar on the disk', async () => {
    const bench = new Bench();
    const store = await bench.open();
    const id = store.allocateCheckpointId();
    const sidecars = () => bench.paths().filter((path) => path.endsWith('state.bin'));

    await expect(
      store.writeSidecar(id, inChunks(Uint8Array.of(1), Uint8Array.of(2)), { maxBytes: 1 }),
    ).rejects.toMatchObject({ code: 'TIDEGATE_STATE_TOO_LARGE' });
    expect(sidecars()).toEqual([]);
    await store.writeSidecar(id, oneByte(), { maxBytes: 1 });
    const receipt = await store.writeSidecar(id, inChunks(Uint8Array.of(7, 8)), { maxBytes: 2 });
    expect(sidecars()).toHaveLength(1);
    const changes = {
      operatorStates: new Map([['o', externalOperatorState(0, 2)]]),
      stateChecksum: receipt.sha256,
    };
    await store.saveManifest(manifestOf(store, id, { changes }));
    expect([...bench.disk.tree().get(layout.sidecar(id))!]).toEqual([7, 8]);
  });

  test('to write the hint, or to delete what was taken out, is logged and no failure', async () => {
    const bench = new Bench();
    const isHint = (path: string) => path.includes('latest.txt');
    let isFailing = false;
    const hooks = failing(
      ({ kind, path }) =>
        isFailing && (isHint(path) || (kind === 'remove-file' && path.endsWith('manifest.json'))),
    );
    const store = await bench.open({}, hooks);
    const first = await saveNew(store);
    expect(bench.text(layout.latestPointer)).toBe(`checkpoint_${first.manifest.checkpointId}`);
    isFailing = true;
    const { checkpointId: id } = (await saveNew(store)).manifest;

    expect(await store.prune({ retainedCheckpoints: 1 })).toEqual({
      deleted: [first.manifest.checkpointId],
    });
    expect(bench.logged).toMatchObject([
      {
        level: 'warn',
        message: 'could not write the latest pointer',
        fields: { id, err: { code: 'EIO' } },
      },
      {
        level: 'warn',
        message: 'could not delete',
        fields: { path: expect.stringMatching(/staging_/) as unknown, err: { code: 'EIO' } },
      },
    ]);
    expect((await store.list()).map((listing) => listing.id)).toEqual([id]);
  });
});

test('an error of ours is what a caller gets, whatever the step', async () => {
  const bench = new Bench();
  const store = await bench.open();
  const wrong = new TidegateError('TIDEGATE_CHECKPOINT_ID', 'x');

  await expect(
    store.saveManifest(manifestOf(store, (store.allocateCheckpointId() + 5) as never)),
  ).rejects.toMatchObject({ code: wrong.code });
});
