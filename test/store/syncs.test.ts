// How many syncs a call costs: as many as safety needs, and no more.

import { beforeEach, expect, test } from '@jest/globals';
import { SimulatedDisk } from 'tidegate/testing';
import { Worker, type ActionName } from './crash/actions.js';
import { Ledger } from './crash/ledger.js';

let syncs = 0;
let operations = 0;
let worker: Worker;

beforeEach(async () => {
  const mount = new SimulatedDisk().mount({
    after: ({ kind }) => {
      operations += 1;
      if (kind.startsWith('sync')) syncs += 1;
    },
  });
  worker = new Worker(mount.fileSystem, new Ledger());
  await worker.perform('open');
  await worker.perform('large');
  syncs = 0;
  operations = 0;
});

test.each<[ActionName, number]>([
  ['save', 3],
  ['large', 4],
  ['update', 2],
])('%s takes %i syncs', async (action, expected) => {
  await worker.perform(action);
  expect(syncs).toBe(expected);
});

test('a re-save by a later generation takes 2 syncs as well', async () => {
  await worker.perform('open');
  syncs = 0;
  await worker.perform('update');
  expect(syncs).toBe(2);
});

test('a checkpoint id takes no operation at all', () => {
  worker.store!.allocateCheckpointId();
  expect(operations).toBe(0);
});

test('pruning takes one sync, and none when there is nothing to delete', async () => {
  await worker.perform('prune');
  expect(syncs).toBe(0);
  await worker.perform('large');
  await worker.perform('large');
  syncs = 0;
  await worker.perform('prune');
  expect(syncs).toBe(1);
});
