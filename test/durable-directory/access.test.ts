// Who may read and change what tidegate keeps: modes of what it makes, and warnings about what it finds.

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSystemCheckpointStore, Pipeline, arraySource } from 'tidegate';
import type { FileAccess, FileSystem, FlushingSink } from 'tidegate/extend';
import { fileSink, nodeFileSystem } from 'tidegate/files';
import { writeAhead } from 'tidegate/write-ahead';
import { accessWarnings } from '../../src/durable-directory/access.js';

const byKey: FlushingSink = {
  durability: 'idempotent',
  ordersWrites: true,
  open: () => Promise.resolve({ write: () => undefined, flush: () => undefined }),
};

let room: string;
let umask: number;

beforeEach(() => {
  room = fs.mkdtempSync(join(tmpdir(), 'tidegate-access-'));
  umask = process.umask(0o022);
});
afterEach(() => {
  process.umask(umask);
  fs.rmSync(room, { recursive: true });
});

async function run(): Promise<readonly string[]> {
  const pipeline = new Pipeline('orders');
  const orders = pipeline.source('orders', arraySource([{ id: 1 }, { id: 2 }]));
  orders.to('archive', fileSink({ directory: join(room, 'above', 'archive') }));
  orders.to('staged', writeAhead(byKey, { directory: join(room, 'wal') }));
  const store = new FileSystemCheckpointStore(join(room, 'stores', 'one'));
  const { recovery } = await pipeline.run({ store });
  return recovery?.warnings ?? [];
}

function below(directory: string): readonly string[] {
  return fs
    .readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name));
}

function modeOf(path: string): number {
  return fs.statSync(path).mode & 0o777;
}

test('state is for its own user; published parts and the directories above are under the umask', async () => {
  await run();
  const shared = ['above', 'above/archive', 'stores'].map((name) => join(room, name));
  const kinds = { private: 0, published: 0 };
  for (const path of below(room)) {
    const isDirectory = fs.statSync(path).isDirectory();
    if (shared.includes(path)) expect([path, modeOf(path)]).toEqual([path, 0o755]);
    else if (/archive\/part-[^/]+$/.test(path)) {
      kinds.published += 1;
      expect([path, modeOf(path)]).toEqual([path, 0o644]);
    } else {
      kinds.private += 1;
      expect([path, modeOf(path)]).toEqual([path, isDirectory ? 0o700 : 0o600]);
    }
  }
  expect(kinds.published).toBe(1);
  expect(kinds.private).toBeGreaterThan(10);
});

test('the recovery report names each directory that every user can write to', async () => {
  expect(await run()).toEqual([]);
  const store = join(room, 'stores', 'one');
  for (const path of [store, join(room, 'above', 'archive', '_tidegate'), join(room, 'wal')]) {
    fs.chmodSync(path, 0o777);
  }
  const warnings = await run();
  expect(warnings.filter((line) => line.includes('every user'))).toEqual([
    `${store} is writable by every user (mode 0777): chmod o-w ${store}`,
    expect.stringMatching(/^sink archive: .*_tidegate is writable by every user/),
    expect.stringMatching(/^sink staged: .*wal is writable by every user/),
  ]);
});

describe('who may change a directory', () => {
  function fileSystemWith(
    access: (path: string) => Partial<FileAccess> | undefined,
  ): Pick<FileSystem, 'stat'> & FileSystem {
    return {
      ...nodeFileSystem,
      stat: (path) => {
        const found = access(path);
        const facts = { kind: 'directory', byteLength: 0, modifiedMs: 0 } as const;
        if (found === undefined) return Promise.resolve(facts);
        const all = { mode: 0o755, ownerId: 1_000, userId: 1_000, ...found };
        return Promise.resolve({ ...facts, access: all });
      },
    };
  }
  const warningsWith = (access: (path: string) => Partial<FileAccess> | undefined) =>
    accessWarnings(fileSystemWith(access), ['/data/store', '/data/store/tidegate']);

  test('is its own user and root: nothing is said, nor where a file system has no owners', async () => {
    expect(await warningsWith(() => ({}))).toEqual([]);
    expect(await warningsWith(() => ({ ownerId: 0 }))).toEqual([]);
    expect(await warningsWith(() => ({ mode: 0o775 }))).toEqual([]);
    expect(await warningsWith(() => undefined)).toEqual([]);
  });

  test('may be another user, also when this one is root', async () => {
    const foreign = (path: string) => (path === '/data/store' ? { ownerId: 1_001 } : {});
    expect(await warningsWith(foreign)).toEqual([
      expect.stringMatching(/^\/data\/store belongs to user 1001, .* runs as user 1000/),
    ]);
    expect(await warningsWith((path) => ({ ...foreign(path), userId: 0 }))).toHaveLength(2);
  });

  test('may be everybody who can replace it in the directory above, unless that is sticky', async () => {
    const open = (mode: number) => (path: string) => (path === '/data' ? { mode } : {});
    expect(await warningsWith(open(0o777))).toEqual([
      expect.stringMatching(/^\/data is writable by every user, who could replace \/data\/store/),
    ]);
    expect(await warningsWith(open(0o1777))).toEqual([]);
  });
});

test('a link in the place of a directory is refused before anything is made behind it', async () => {
  const aim = join(room, 'aim');
  fs.mkdirSync(aim);
  const link = join(room, 'link');
  fs.symlinkSync(aim, link);
  const calm = { signal: new AbortController().signal };
  const store = new FileSystemCheckpointStore(link);
  const names = { storeId: 'x' as never, pipeline: 'orders', sink: 'out', generation: 1 as never };
  const attempts = [
    () => store.open({ pipeline: 'orders' }),
    () => fileSink({ directory: link }).open(names, calm),
    () => writeAhead(byKey, { directory: link }).open(names, calm),
  ];
  for (const attempt of attempts) {
    await expect(attempt()).rejects.toThrow(/symbolic link.*give the path that it points to/);
  }
  expect(fs.readdirSync(aim)).toEqual([]);
});
