// A directory that LaminarDB wrote opens, reads, and is gone on with.

import { createHash } from 'node:crypto';
import { beforeEach, expect, test } from '@jest/globals';
import { checkpointId } from '../../src/ids.js';
import { seededRandom } from 'tidegate/extend';
import {
  createManifest,
  externalOperatorState,
  inlineOperatorState,
  serializeManifest,
} from 'tidegate/manifest';
import type { CheckpointManifest, OperatorCheckpoint } from 'tidegate/manifest';
import { SimulatedDisk } from 'tidegate/testing';
import { StoreLayout } from '../../src/store/layout.js';
import { stateOf } from '../../src/testing/store-conformance/store-bench.js';
import { makeStore, storeDirectory } from './crash/actions.js';

const layout = new StoreLayout(storeDirectory);
const sidecar = Buffer.from('the state of two operators');
let disk: SimulatedDisk;

beforeEach(async () => {
  disk = new SimulatedDisk();
  const { fileSystem } = disk.mount();
  for (const path of ['/data', storeDirectory]) await fileSystem.makeDirectory(path);
});

async function write(
  id: number,
  states: Record<string, OperatorCheckpoint>,
  stateChecksum: string | undefined,
  hasSidecar: boolean,
): Promise<CheckpointManifest> {
  const operatorStates = new Map(Object.entries(states));
  const manifest = { ...createManifest(id, id), operatorStates, stateChecksum };
  await disk.mount().fileSystem.makeDirectory(layout.checkpoint(id));
  disk.writeFile(layout.manifest(id), Buffer.from(serializeManifest(manifest)));
  if (hasSidecar) disk.writeFile(layout.sidecar(id), sidecar);
  return manifest;
}

const sha256 = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

const alpha = inlineOperatorState(Buffer.from('A'));
const beta = inlineOperatorState(Buffer.from('B'));
const large = externalOperatorState(4, 9);
const inlineDigest = sha256(`alpha\0${alpha.stateB64!}\0`, `beta\0${beta.stateB64!}\0`);

const open = () => makeStore(disk.mount().fileSystem, seededRandom(5));

test('a checksum of the sidecar alone is verified', async () => {
  await write(1, { large }, sha256(sidecar), true);
  const reader = await open().openReadOnly();
  expect(await reader.load(checkpointId(1))).toMatchObject({ integrity: 'unverified' });
  expect(reader.storeId).toBeUndefined();
});

test('a checksum of inline states alone is verified', async () => {
  await write(1, { beta, alpha }, inlineDigest, false);
  const reader = await open().openReadOnly();
  await reader.load(checkpointId(1));
});

test('a checksum of inline states and sidecar is verified', async () => {
  await write(1, { beta, large, alpha }, sha256(inlineDigest, sidecar), true);
  const store = await open().open({ pipeline: 'orders' });
  await store.load(checkpointId(1));
  expect(Buffer.from((await stateOf(store, checkpointId(1), 'large'))!).toString()).toBe(
    'state of ',
  );
});

test.each([
  ['sidecar', { large }, true],
  ['inline', { alpha, beta }, false],
  ['mixed', { alpha, large }, true],
])(
  'a %s checksum that matches none of the three kinds is corrupt',
  async (_, states, hasSidecar) => {
    await write(1, states, '0'.repeat(64), hasSidecar);
    const reader = await open().openReadOnly();
    await expect(reader.load(checkpointId(1))).rejects.toMatchObject({
      code: 'TIDEGATE_STATE_CORRUPT',
    });
  },
);

test('ranges that overlap or leave the sidecar are corrupt, already in the scan', async () => {
  await write(1, { large, other: externalOperatorState(12, 3) }, undefined, true);
  await write(2, { large: externalOperatorState(20, 7) }, undefined, true);
  await write(
    3,
    { large, empty: externalOperatorState(5, 0), next: externalOperatorState(13, 13) },
    undefined,
    true,
  );
  const listings = await (await open().openReadOnly()).list();
  expect(listings.map(({ state }) => state)).toEqual(['complete', 'corrupt', 'corrupt']);
});

test('new ids start above the highest foreign one, also of one that was set aside', async () => {
  await write(42, { alpha }, undefined, false);
  await write(2 ** 24 * 9 + 3, { alpha }, undefined, false);
  const store = await open().open({ pipeline: 'orders' });
  expect(store.generation).toBe(10);
  expect(store.allocateCheckpointId()).toBeGreaterThan(2 ** 24 * 9 + 3);
});

test('a foreign manifest that is saved again keeps the kind of checksum it had', async () => {
  const manifest = await write(
    1,
    { alpha, large },
    sha256(sha256(`alpha\0${alpha.stateB64!}\0`), sidecar),
    true,
  );
  const store = await open().open({ pipeline: 'orders' });
  await store.saveManifest({
    ...manifest,
    tidegate: {
      storeId: store.storeId,
      pipeline: 'orders',
      generation: store.generation,
      kind: 'checkpoint',
      commitHandles: new Map(),
    },
  });
  expect((await store.load(checkpointId(1))).integrity).toBe('verified');
});
