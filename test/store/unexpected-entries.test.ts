// Things that should not be in a store's directory: an error with a code, and never a step outside.

import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FileSystemCheckpointStore } from 'tidegate';
import type { CheckpointId } from 'tidegate';
import type { CheckpointListing, OwnedStore } from 'tidegate/extend';
import { nodeFileSystem } from 'tidegate/files';
import { checkpointId } from '../../src/ids.js';
import { StoreLayout } from '../../src/store/layout.js';
import { errnoOf } from '../../src/runtime/file-system.js';
import {
  assertRejects,
  saveNew,
  saveWithSidecar,
} from '../../src/testing/store-conformance/store-bench.js';

let outside: string;
let layout: StoreLayout;
let store: OwnedStore;
let good: CheckpointId;
let victim: CheckpointId;

beforeEach(async () => {
  outside = fs.mkdtempSync(join(tmpdir(), 'tidegate-bad-'));
  layout = new StoreLayout(join(outside, 'store'));
  store = await open();
  good = checkpointId((await saveWithSidecar(store, Uint8Array.of(1, 2, 3))).manifest.checkpointId);
  victim = checkpointId((await saveWithSidecar(store, Uint8Array.of(4, 5))).manifest.checkpointId);
});

afterEach(() => fs.rmSync(outside, { recursive: true, force: true }));

function open(): Promise<OwnedStore> {
  const made = new FileSystemCheckpointStore(layout.directory, { heartbeatMs: 0 });
  return made.open({ pipeline: 'conformance', liveOwner: 'take-over' });
}

async function listingOfVictim(): Promise<CheckpointListing | undefined> {
  const listings = await store.list();
  // Whatever is wrong with one checkpoint, the others stay readable.
  expect(listings.find(({ id }) => id === good)?.state).toBe('complete');
  await store.load(good);
  return listings.find(({ id }) => id === victim);
}

const damages: readonly (readonly [string, () => void])[] = [
  ['a manifest that is cut short', () => fs.truncateSync(layout.manifest(victim), 40)],
  ['an empty manifest', () => fs.truncateSync(layout.manifest(victim), 0)],
  ['a flipped bit in the manifest', () => flipByte(layout.manifest(victim))],
  [
    'a manifest of another checkpoint',
    () => fs.copyFileSync(layout.manifest(good), layout.manifest(victim)),
  ],
  [
    'a directory where the manifest should be',
    () => replaceBy(layout.manifest(victim), (path) => fs.mkdirSync(path)),
  ],
  [
    'a link in place of the manifest',
    () => replaceBy(layout.manifest(victim), (path) => fs.symlinkSync(layout.manifest(good), path)),
  ],
  ['a manifest of a gigabyte', () => fs.truncateSync(layout.manifest(victim), 2 ** 30)],
  ['a shorter sidecar', () => fs.truncateSync(layout.sidecar(victim), 1)],
  ['a longer sidecar', () => fs.appendFileSync(layout.sidecar(victim), 'x')],
  ['no sidecar', () => fs.rmSync(layout.sidecar(victim))],
  [
    'a directory where the sidecar should be',
    () => replaceBy(layout.sidecar(victim), (path) => fs.mkdirSync(path)),
  ],
  [
    'a link in place of the sidecar',
    () => replaceBy(layout.sidecar(victim), (path) => fs.symlinkSync(layout.sidecar(good), path)),
  ],
  [
    'a file in place of the checkpoint',
    () => replaceBy(layout.checkpoint(victim), (path) => fs.writeFileSync(path, '')),
  ],
  [
    'a link in place of the checkpoint',
    () =>
      replaceBy(layout.checkpoint(victim), (path) => fs.symlinkSync(layout.checkpoint(good), path)),
  ],
];

test.each(damages)('%s makes that checkpoint corrupt, and no other', async (_, damage) => {
  damage();
  const listing = await listingOfVictim();
  expect(listing?.state).toBe('corrupt');
  expect(listing?.problem).toBeDefined();
  await expect(store.load(victim)).rejects.toMatchObject({
    code: expect.stringMatching(/^TIDEGATE_(STORE|STATE|MANIFEST)_/),
    remedy: expect.stringMatching(/./),
  });
  store = await open();
  expect((await listingOfVictim())?.state).toBe('corrupt');
  await store.quarantine(victim);
  expect(await listingOfVictim()).toBeUndefined();
  expect(fs.readdirSync(layout.directory)).toContain(`corrupt_checkpoint_${victim}`);
});

test('a flipped bit in the sidecar is found by loading it', async () => {
  flipByte(layout.sidecar(victim));
  expect((await listingOfVictim())?.state).toBe('complete');
  await assertRejects(store.load(victim), 'TIDEGATE_STATE_CORRUPT');
});

test('a socket in place of the manifest is damage, and the others stay readable', async () => {
  const server = createServer();
  // The path of a socket has at most 107 bytes, so it is made elsewhere and moved.
  const short = join(outside, 's');
  await new Promise<void>((resolve) => server.listen(short, resolve));
  try {
    replaceBy(layout.manifest(victim), (path) => fs.renameSync(short, path));
    expect((await listingOfVictim())?.state).toBe('corrupt');
  } finally {
    server.close();
  }
});

test('a checkpoint without a manifest is an orphan, and gone after the next opening', async () => {
  fs.rmSync(layout.manifest(victim));
  expect((await listingOfVictim())?.state).toBe('orphan');
  store = await open();
  expect(await listingOfVictim()).toBeUndefined();
  expect(fs.existsSync(layout.checkpoint(victim))).toBe(false);
});

test('a foreign orphan stays: another program may be writing there right now', async () => {
  fs.mkdirSync(layout.checkpoint(3));
  fs.writeFileSync(layout.sidecar(3), 'x');
  store = await open();
  expect((await store.list()).at(-1)).toMatchObject({ id: 3, state: 'orphan' });
});

test.each(['checkpoint_7', 'checkpoint_0000042', 'checkpoint_000000', 'checkpoint_..', 'notes'])(
  'a directory called %s is not taken for a checkpoint and not touched',
  async (name) => {
    fs.mkdirSync(join(layout.directory, name));
    fs.writeFileSync(join(layout.directory, name, 'manifest.json'), '{}');
    store = await open();
    expect(await store.list()).toHaveLength(2);
    expect(fs.readFileSync(join(layout.directory, name, 'manifest.json'), 'utf8')).toBe('{}');
  },
);

test('a link in place of the own folder is refused and what it points to is left alone', async () => {
  const elsewhere = join(outside, 'elsewhere');
  fs.renameSync(layout.ownFolder, elsewhere);
  fs.symlinkSync(elsewhere, layout.ownFolder);
  const before = fs.readdirSync(elsewhere);
  await assertRejects(open(), 'TIDEGATE_STORE_CORRUPT');
  expect(fs.readdirSync(elsewhere)).toEqual(before);
});

test('a damaged identity is refused and never made anew', async () => {
  fs.writeFileSync(layout.identity, '{"storeId":""');
  await assertRejects(open(), 'TIDEGATE_STORE_CORRUPT');
  expect(fs.readFileSync(layout.identity, 'utf8')).toBe('{"storeId":""');
});

test('a file in place of the directory is refused', async () => {
  const path = join(outside, 'file');
  fs.writeFileSync(path, '');
  const opening = new FileSystemCheckpointStore(path).open({ pipeline: 'orders' });
  await assertRejects(opening, 'TIDEGATE_STORE_CORRUPT');
});

test('a lost pointer, a dangling one and one that is a directory cost nothing', async () => {
  fs.rmSync(layout.latestPointer);
  expect(await (await open()).list()).toHaveLength(2);
  fs.writeFileSync(layout.latestPointer, 'checkpoint_999999');
  expect(await (await open()).list()).toHaveLength(2);
  fs.rmSync(layout.latestPointer);
  fs.mkdirSync(layout.latestPointer);
  store = await open();
  await saveNew(store);
  expect(await store.list()).toHaveLength(3);
});

test('a read-only opening writes nothing, and of a directory that is not there reads nothing', async () => {
  const before = fs.readdirSync(layout.directory, { recursive: true }).sort();
  const reader = await new FileSystemCheckpointStore(layout.directory).openReadOnly();
  await reader.load(victim);
  expect(fs.readdirSync(layout.directory, { recursive: true }).sort()).toEqual(before);
  const none = await new FileSystemCheckpointStore(join(outside, 'none')).openReadOnly();
  expect(await none.list()).toEqual([]);
  expect(fs.existsSync(join(outside, 'none'))).toBe(false);
});

test.each([
  ['EACCES', 'TIDEGATE_STORE_PERMISSION'],
  ['EROFS', 'TIDEGATE_STORE_PERMISSION'],
  ['ENOSPC', 'TIDEGATE_STORE_FULL'],
  ['EDQUOT', 'TIDEGATE_STORE_FULL'],
  ['EMFILE', 'TIDEGATE_STORE_IO'],
] as const)('%s while opening is %s', async (errno, code) => {
  const failing = async (): Promise<never> => {
    throw Object.assign(new Error(errno), { code: errno });
  };
  const fileSystem = { ...nodeFileSystem, makeDirectory: failing };
  const made = new FileSystemCheckpointStore(join(outside, 'new'), { fileSystem });
  await assertRejects(made.open({ pipeline: 'orders' }), code);
});

test('a manifest that cannot be read for want of a right is not taken for damage', async () => {
  const fileSystem = {
    ...nodeFileSystem,
    openFile: async (path: string) => {
      if (!path.endsWith('manifest.json')) return nodeFileSystem.openFile(path);
      throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
    },
  };
  const reader = await new FileSystemCheckpointStore(layout.directory, {
    fileSystem,
  }).openReadOnly();
  await assertRejects(reader.list(), 'TIDEGATE_STORE_PERMISSION');
});

test('the file system port follows no link and reads no directory', async () => {
  const link = join(outside, 'link');
  fs.symlinkSync(layout.manifest(good), link);
  fs.symlinkSync(layout.directory, `${link}-directory`);
  const codes = await Promise.all(
    [
      nodeFileSystem.openFile(link),
      nodeFileSystem.createFile(link),
      nodeFileSystem.openFile(layout.directory),
      nodeFileSystem.listDirectory(`${link}-directory`),
      nodeFileSystem.syncDirectory(`${link}-directory`),
    ].map((call) =>
      call.then(
        () => 'no error',
        (error: unknown) => errnoOf(error),
      ),
    ),
  );
  expect(codes).toEqual(['ELOOP', 'EEXIST', 'EISDIR', 'ENOTDIR', 'ENOTDIR']);
});

function replaceBy(path: string, make: (path: string) => void): void {
  fs.rmSync(path, { recursive: true });
  make(path);
}

function flipByte(path: string): void {
  const bytes = fs.readFileSync(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = bytes[middle]! ^ 1;
  fs.writeFileSync(path, bytes);
}
