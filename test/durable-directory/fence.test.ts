// The rules of the fence that all durable directories share.

import { expect, test } from '@jest/globals';
import {
  claimEntry,
  gather,
  isCurrent,
  numbersIn,
  orFenced,
  publishFile,
} from '../../src/durable-directory/fence.js';
import { SimulatedDisk } from 'tidegate/testing';

const bytes = Buffer.from('content');

function newDisk() {
  const disk = new SimulatedDisk();
  return { disk, fileSystem: disk.mount().fileSystem };
}

test('one of two claims of a number wins', async () => {
  const { fileSystem } = newDisk();
  const claims = await Promise.all([claimEntry(fileSystem, '/1'), claimEntry(fileSystem, '/1')]);
  expect([...claims].sort()).toEqual([false, true]);
});

test('numbers are listed ascending, other names left out, and none without a directory', async () => {
  const { fileSystem } = newDisk();
  await fileSystem.makeDirectory('/d');
  for (const name of ['10', '9', 'x']) await fileSystem.makeDirectory(`/d/${name}`);
  const numberOf = (name: string) => (/^\d+$/.test(name) ? Number(name) : undefined);
  expect(await numbersIn(fileSystem, '/d', numberOf)).toEqual([9, 10]);
  expect(await numbersIn(fileSystem, '/missing', numberOf)).toEqual([]);
});

test('a late rename of an owner whose staging directory was moved is fenced', async () => {
  const { fileSystem } = newDisk();
  await fileSystem.makeDirectory('/old');
  await fileSystem.rename('/old', '/away');
  expect(await isCurrent(fileSystem, '/old')).toBe(false);
  const late = publishFile(fileSystem, '/old', '/visible', bytes);
  await expect(orFenced(late, () => new Error('fenced'))).rejects.toThrow('fenced');
  expect(await numbersIn(fileSystem, '/', (name) => (name === 'visible' ? 1 : undefined))).toEqual(
    [],
  );
});

test('what is kept is gathered from any depth, and the rest stays where it is', async () => {
  const { fileSystem } = newDisk();
  for (const path of ['/own', '/own/2', '/own/2/1']) await fileSystem.makeDirectory(path);
  for (const path of ['/own/kept-0', '/own/2/kept-2', '/own/2/1/kept-1', '/own/2/1/open']) {
    await (await fileSystem.createFile(path)).close();
  }
  await gather(fileSystem, '/own', (name) => name.startsWith('kept'));
  const names = (await fileSystem.listDirectory('/own')).map(({ name }) => name).sort();
  expect(names).toEqual(['2', 'kept-0', 'kept-1', 'kept-2']);
  expect(await fileSystem.listDirectory('/own/2/1')).toEqual([{ name: 'open', kind: 'file' }]);
});
