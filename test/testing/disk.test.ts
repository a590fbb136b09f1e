// The simulated disk does what its fault model says, no less and no more.

import { beforeEach, expect, test } from '@jest/globals';
import { seededRandom } from 'tidegate/extend';
import type { FileSystem } from 'tidegate/extend';
import { SimulatedDisk } from 'tidegate/testing';
import { errnoOf } from '../../src/runtime/file-system.js';

let disk: SimulatedDisk;
let files: FileSystem;

beforeEach(async () => {
  disk = new SimulatedDisk();
  files = disk.mount().fileSystem;
  await files.makeDirectory('/d');
  await files.syncDirectory('/');
});

async function write(path: string, text: string, sync: boolean): Promise<void> {
  const file = await files.createFile(path);
  await file.write(Buffer.from(text));
  if (sync) await file.sync();
  await file.close();
}

/** Every outcome of a power loss as one line of paths and contents. */
function outcomes(): string[] {
  const lines = [...disk.powerLossOutcomes()].map((outcome) =>
    [...outcome.tree()]
      .filter(([path]) => !path.endsWith('/'))
      .map(([path, bytes]) => `${path}=${Buffer.from(bytes).toString().replaceAll('\0', '0')}`)
      .join(' '),
  );
  return [...new Set(lines)].sort();
}

test('what is synced, data and name, survives a power loss', async () => {
  await write('/d/a', 'abcd', true);
  await files.syncDirectory('/d');
  expect(outcomes()).toEqual(['/d/a=abcd']);
});

test('synced data under an unsynced name is kept or lost with the name', async () => {
  await write('/d/a', 'abcd', true);
  expect(outcomes()).toEqual(['', '/d/a=abcd']);
});

test('unsynced data under a synced name is lost, kept, cut short or zeroed', async () => {
  await write('/d/a', 'abcd', false);
  await files.syncDirectory('/d');
  expect(outcomes()).toEqual(['/d/a=', '/d/a=0000', '/d/a=ab', '/d/a=abcd']);
});

test('two unsynced names survive independently, the later one also without the earlier', async () => {
  await write('/d/a', '1', true);
  await write('/d/b', '2', true);
  expect(outcomes()).toEqual(['', '/d/a=1', '/d/a=1 /d/b=2', '/d/b=2']);
});

test('a rename is the old or the new, never both and never neither', async () => {
  await write('/d/a', 'old', true);
  await write('/d/b', 'new', true);
  await files.syncDirectory('/d');
  await files.rename('/d/b', '/d/a');
  expect(outcomes()).toEqual(['/d/a=new', '/d/a=old /d/b=new']);
});

test('a rename between directories is durable as soon as either is synced', async () => {
  await files.makeDirectory('/e');
  await files.syncDirectory('/');
  await write('/d/a', 'x', true);
  await files.rename('/d/a', '/e/a');
  await files.syncDirectory('/e');
  expect(outcomes()).toEqual(['/e/a=x']);
});

test('a file in a directory that was lost is lost, however well it was synced', async () => {
  await files.makeDirectory('/d/sub');
  await write('/d/sub/a', 'x', true);
  await files.syncDirectory('/d/sub');
  expect(outcomes()).toEqual(['', '/d/sub/a=x']);
});

test('after a failed sync no later sync makes the data durable', async () => {
  let failures = 1;
  const faulty = disk.mount({
    before: ({ kind }) => {
      return kind === 'sync-file' && (failures -= 1) >= 0
        ? { code: 'EIO', effect: 'none' }
        : undefined;
    },
  }).fileSystem;
  const file = await faulty.createFile('/d/a');
  await file.write(Buffer.from('ab'));
  await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });
  await file.sync();
  await files.syncDirectory('/d');
  expect(outcomes()).toContain('/d/a=');
});

test('a fault may leave half of a write behind', async () => {
  const faulty = disk.mount({
    before: ({ kind }) => (kind === 'write' ? { code: 'ENOSPC', effect: 'half' } : undefined),
  }).fileSystem;
  const file = await faulty.createFile('/d/a');
  await expect(file.write(Buffer.from('abcd'))).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(Buffer.from(disk.tree().get('/d/a')!).toString()).toBe('ab');
});

test('a killed process changes nothing more and never hears from its calls', async () => {
  const mount = disk.mount();
  const file = await mount.fileSystem.createFile('/d/a');
  mount.kill();
  const calls = [file.write(Buffer.from('x')), mount.fileSystem.makeDirectory('/d/b')];
  const first = await Promise.race([...calls.map((call) => call.then(() => 'settled')), later()]);
  expect(first).toBe('later');
  expect([...disk.tree().keys()]).toEqual(['/d/', '/d/a']);
});

test('a clone goes its own way', async () => {
  const clone = disk.clone();
  await write('/d/a', 'x', true);
  await clone.mount().fileSystem.makeDirectory('/d/b');
  expect([...clone.tree().keys()]).toEqual(['/d/', '/d/b/']);
  expect([...disk.tree().keys()]).toEqual(['/d/', '/d/a']);
});

test('an outcome by chance is one of all outcomes, and the same for the same seed', async () => {
  await write('/d/a', 'abcd', false);
  await write('/d/b', 'efgh', true);
  const all = new Set([...disk.powerLossOutcomes()].map(treeText));
  for (let seed = 0; seed < 50; seed += 1) {
    const [first] = [...disk.powerLossOutcomes({ random: seededRandom(seed) })].map(treeText);
    const [again] = [...disk.powerLossOutcomes({ random: seededRandom(seed) })].map(treeText);
    expect([seed, first]).toEqual([seed, again]);
    expect([seed, all.has(first!)]).toEqual([seed, true]);
  }
});

test('errors carry the codes of POSIX', async () => {
  await write('/d/file', 'x', true);
  await files.makeDirectory('/d/full');
  await write('/d/full/x', '', true);
  await files.makeDirectory('/d/other');
  const calls: Record<string, Promise<unknown>> = {
    ENOENT: files.openFile('/d/none'),
    EEXIST: files.makeDirectory('/d/full'),
    ENOTDIR: files.listDirectory('/d/file'),
    EISDIR: files.openFile('/d'),
    ENOTEMPTY: files.removeDirectory('/d/full'),
    EINVAL: files.rename('/d', '/d/inside'),
  };
  for (const [code, call] of Object.entries(calls)) {
    expect(errnoOf(await call.catch((error: unknown) => error))).toBe(code);
  }
  await expect(files.rename('/d/other', '/d/full')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
});

function treeText(outcome: SimulatedDisk): string {
  return JSON.stringify([...outcome.tree()].map(([path, bytes]) => [path, [...bytes]]));
}

async function later(): Promise<string> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  return 'later';
}
