// The filesystem store step by step: who may open it, what its errors say, what it leaves behind.

import { describe, expect, test } from '@jest/globals';
import { TidegateError } from '../../src/errors.js';
import { checkpointIdsPerGeneration, highestGeneration } from '../../src/ids.js';
import { externalOperatorState } from '../../src/manifest/operator-state.js';
import type { Logger } from '../../src/runtime/logger.js';
import type { ProcessIdentity } from '../../src/runtime/process-identity.js';
import { seededRandom } from '../../src/runtime/random.js';
import type { OwnedStore } from '../../src/store/checkpoint-store.js';
import {
  FileSystemCheckpointStore,
  type FileSystemCheckpointStoreOptions,
} from '../../src/store/filesystem/file-system-store.js';
import { parseOwner } from '../../src/store/filesystem/owner-facts.js';
import { StoreLayout } from '../../src/store/layout.js';
import { SimulatedClock } from '../../src/testing/clock.js';
import type { DiskHooks } from '../../src/testing/disk/disk-operation.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import {
  manifestOf,
  saveNew,
  saveWithSidecar,
} from '../../src/testing/store-conformance/store-bench.js';

const layout = new StoreLayout('/store');
const identity: ProcessIdentity = {
  host: 'here',
  bootId: 'boot',
  pidNamespace: 'pid:[1]',
  pid: 17,
  startedAt: '100',
};

interface Logged {
  readonly level: string;
  readonly message: string;
  readonly fields: unknown;
}

class Bench {
  readonly disk = new SimulatedDisk();
  readonly clock = new SimulatedClock();
  readonly logged: Logged[] = [];

  store(
    options: Partial<FileSystemCheckpointStoreOptions> = {},
    hooks: DiskHooks = {},
  ): FileSystemCheckpointStore {
    return new FileSystemCheckpointStore('/store', {
      fileSystem: this.disk.mount(hooks).fileSystem,
      clock: this.clock,
      random: seededRandom(11),
      logger: this.#logger(),
      processes: { self: () => identity, livenessOf: () => 'gone' },
      heartbeatMs: 0,
      ...options,
    });
  }

  open(
    options: Partial<FileSystemCheckpointStoreOptions> = {},
    hooks: DiskHooks = {},
  ): Promise<OwnedStore> {
    return this.store(options, hooks).open({ pipeline: 'orders' });
  }

  paths(): readonly string[] {
    return [...this.disk.tree().keys()].sort();
  }

  /** Puts a file there, and the directories above it. */
  async put(path: string, text = ''): Promise<void> {
    const { fileSystem } = this.disk.mount();
    const parts = path.split('/').slice(1, -1);
    for (const index of parts.keys()) {
      const directory = `/${parts.slice(0, index + 1).join('/')}`;
      await fileSystem.makeDirectory(directory).catch(() => undefined);
    }
    this.disk.writeFile(path, Buffer.from(text));
  }

  text(path: string): string {
    return Buffer.from(this.disk.tree().get(path) ?? []).toString();
  }

  #logger(): Logger {
    const write = (level: string) => (message: string, fields?: unknown) =>
      void this.logged.push({ level, message, fields });
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
  }
}

/** Makes the calls that fit fail with an errno, with or without their effect. */
function failing(
  fits: (operation: { readonly kind: string; readonly path: string }) => boolean,
  code = 'EIO',
): DiskHooks {
  return { before: (operation) => (fits(operation) ? { code, effect: 'none' } : undefined) };
}

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

  test('of another pipeline is refused with both names, before anything is made', async () => {
    const bench = new Bench();
    const { storeId } = await bench.open();
    const before = bench.paths();

    await expect(bench.store().open({ pipeline: 'clicks' })).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_PIPELINE',
      message: `the store ${storeId} belongs to pipeline "orders", not to "clicks"`,
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
      message: '/store/tidegate/store.json is not a store identity',
    });
    await expect(bench.store().openReadOnly()).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_CORRUPT',
    });
  });

  test('may have white space up to 64 KiB, and is read by whoever only reads', async () => {
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
        fields: { path: expect.stringMatching(/staging_/) as unknown, error: { code: 'EIO' } },
      },
    ]);
  });
});

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
      message: `generation ${highestGeneration + 1} is above ${highestGeneration}`,
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
});

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
        fields: { path: orphan, error: { code: 'EIO' } },
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
    await expect(second.setAside(id as never)).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_IO',
      message: expect.stringMatching(
        new RegExp(`^setting checkpoint ${id} aside failed: `),
      ) as unknown,
    });
    expect(bench.paths().some((path) => path.startsWith(layout.setAside(id)))).toBe(false);

    await bench.open();

    expect(bench.paths()).toContain(`${layout.setAside(id)}/manifest.json`);
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

async function* oneByte(): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(Uint8Array.of(1));
}

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
    await expect(store.setAside(99 as never)).rejects.toMatchObject({
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
    const small = await bench.open({ manifestMaxBytes: byteLength - 1 });

    await expect(small.load(manifest.checkpointId as never)).rejects.toMatchObject({
      code: 'TIDEGATE_MANIFEST_TOO_LARGE',
      message: `${layout.manifest(manifest.checkpointId)} has more than ${byteLength - 1} bytes`,
    });
    await expect(saveNew(small)).rejects.toMatchObject({ code: 'TIDEGATE_MANIFEST_TOO_LARGE' });
    const exact = await bench.open({ manifestMaxBytes: byteLength });
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
        fields: { id, error: { code: 'EIO' } },
      },
      {
        level: 'warn',
        message: 'could not delete',
        fields: { path: expect.stringMatching(/staging_/) as unknown, error: { code: 'EIO' } },
      },
    ]);
    expect((await store.list()).map((listing) => listing.id)).toEqual([id]);
  });
});

describe('a sidecar', () => {
  test('of any shape of chunks has the bytes and the checksum of all of them', async () => {
    const bench = new Bench();
    const store = await bench.open();
    const sizes = [1, 65_535, 65_536, 10, 1_048_576, 0, 3_000_000, 65_535, 1_000_000, 7];
    const bytes = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
    for (let at = 0; at < bytes.length; at += 4)
      bytes.writeUInt32LE(at, at > bytes.length - 4 ? bytes.length - 4 : at);
    const chunks = async function* () {
      let at = 0;
      for (const size of sizes) {
        yield await Promise.resolve(bytes.subarray(at, at + size));
        at += size;
      }
    };
    const id = store.allocateCheckpointId();
    const receipt = await store.writeSidecar(id, chunks(), { maxBytes: bytes.length });
    const changes = {
      operatorStates: new Map([
        ['head', externalOperatorState(0, 10)],
        ['rest', externalOperatorState(10, bytes.length - 10)],
      ]),
      stateChecksum: receipt.sha256,
    };
    await store.saveManifest(manifestOf(store, id, { changes }));
    const loaded = await store.load(id);
    const pieces: Uint8Array[] = [];
    for await (const piece of store.readOperatorState(loaded, 'rest') ?? []) pieces.push(piece);

    expect(receipt.byteLength).toBe(bytes.length);
    expect(loaded.sidecarByteLength).toBe(bytes.length);
    expect(Buffer.concat(pieces).equals(bytes.subarray(10))).toBe(true);
    expect(Math.max(...pieces.map(({ byteLength }) => byteLength))).toBe(1_048_576);
    expect(store.readOperatorState(loaded, 'nobody')).toBeUndefined();
  });

  test('that is cut or lost after it was loaded ends its stream with an error', async () => {
    const bench = new Bench();
    const store = await bench.open();
    const { manifest } = await saveWithSidecar(store, Buffer.alloc(20, 1));
    const id = manifest.checkpointId as never;
    const loaded = await store.load(id);
    const read = async () => {
      for await (const piece of store.readOperatorState(loaded, 'large') ?? []) {
        expect(piece.byteLength).toBe(20);
      }
    };

    await read();
    bench.disk.writeFile(layout.sidecar(id), Buffer.alloc(19, 1));
    await expect(read()).rejects.toMatchObject({
      code: 'TIDEGATE_STATE_CORRUPT',
      message: 'the sidecar ends at byte 0',
    });
    await bench.disk.mount().fileSystem.removeFile(layout.sidecar(id));
    await expect(read()).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_IO',
      message: expect.stringMatching(
        new RegExp(`^reading ${layout.sidecar(id)} failed: `),
      ) as unknown,
    });
  });
});

describe('signs of life', () => {
  test('are given at each interval until the owner closes or is overtaken', async () => {
    const bench = new Bench();
    const touched: number[] = [];
    const hooks: DiskHooks = {
      after: ({ kind }) => {
        if (kind === 'touch') touched.push(bench.clock.now());
      },
    };
    const beat = async () => {
      bench.clock.runNextTimer();
      for (let step = 0; step < 50; step += 1) await Promise.resolve();
    };
    const startMs = bench.clock.now();
    const store = await bench.open({ heartbeatMs: 300 }, hooks);

    for (let count = 0; count < 3; count += 1) await beat();
    expect(touched.map((ms) => ms - startMs)).toEqual([300, 600, 900]);
    await store.close();
    expect(bench.clock.timerCount).toBe(0);

    const old = await bench.open({ heartbeatMs: 300 }, hooks);
    await bench.open();
    await beat();
    expect(bench.clock.timerCount).toBe(0);
    await expect(saveNew(old)).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
  });

  test('that fail are logged, and the next ones given all the same', async () => {
    const bench = new Bench();
    await bench.open(
      { heartbeatMs: 300 },
      failing(({ kind }) => kind === 'touch'),
    );

    bench.clock.runNextTimer();
    for (let step = 0; step < 50; step += 1) await Promise.resolve();

    expect(bench.logged).toMatchObject([
      { level: 'debug', message: 'missed a heartbeat', fields: { error: { code: 'EIO' } } },
    ]);
    expect(bench.clock.timerCount).toBe(1);
  });

  test('are not given where the interval is 0', async () => {
    const bench = new Bench();
    await bench.open();

    expect(bench.clock.timerCount).toBe(0);
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
