// What was read before is not parsed again, and one byte that differs is always seen.

import { expect, jest, test } from '@jest/globals';
import { seededRandom } from 'tidegate/extend';
import { createManifest, serializeManifest } from 'tidegate/manifest';
import { SimulatedDisk } from 'tidegate/testing';
import { saveNew } from '../../src/testing/store-conformance/store-bench.js';
import { VerifiedManifests } from '../../src/store/verified-manifests.js';
import { makeStore } from './crash/actions.js';

const limit = { maxBytes: 2 ** 20 };

function bytesOf(id: number, stateBytes = 0): Uint8Array {
  const manifest = {
    ...createManifest(id, 1, { clock: { now: () => 1 } }),
    stateChecksum: 'x'.repeat(stateBytes),
  };
  const tidegate = {
    storeId: 'store',
    pipeline: 'orders',
    generation: 1,
    attempt: 'attempt',
    kind: 'checkpoint' as const,
    commitHandles: new Map<string, string>(),
  };
  return Buffer.from(serializeManifest({ ...manifest, tidegate }));
}

test('the same bytes give the same manifest without a second reading', () => {
  const verified = new VerifiedManifests();
  const first = verified.parse(7, bytesOf(7), limit);
  expect(verified.parse(7, bytesOf(7), limit)).toBe(first);
  expect(verified.parse(8, bytesOf(7), limit)).not.toBe(first);
});

test.each(['first', 'middle', 'last'])('another %s byte is seen', (place) => {
  const verified = new VerifiedManifests();
  const bytes = bytesOf(7);
  verified.parse(7, bytes, limit);
  const damaged = Uint8Array.from(bytes);
  const index = { first: 0, middle: damaged.length >> 1, last: damaged.length - 1 }[place] ?? 0;
  damaged[index] = (damaged[index] ?? 0) ^ 1;
  expect(() => verified.parse(7, damaged, limit)).toThrow();
  expect(() => verified.parse(7, bytes.subarray(0, -1), limit)).toThrow();
  expect(verified.parse(7, bytes, limit).checkpointId).toBe(7);
});

const bound = 20_000;
const bare = bytesOf(1).byteLength;
/** Reads manifests of this many bytes. */
const readerOf = (byteLength: number) => {
  const verified = new VerifiedManifests(bound);
  return (id: number) => verified.parse(id, bytesOf(id, byteLength - bare), limit);
};

test('no more than a bounded number of bytes is kept, the newest', () => {
  const read = readerOf(6_000);
  const [first, second, third, fourth] = [read(1), read(2), read(3), read(4)];
  expect([read(2) === second, read(3) === third, read(4) === fourth]).toEqual([true, true, true]);
  expect(read(1)).not.toBe(first);
});

test('what is too large to be kept drives nothing out', () => {
  const verified = new VerifiedManifests(bound);
  const read = () => verified.parse(1, bytesOf(1), limit);
  const small = read();
  verified.parse(2, bytesOf(2, bound), limit);
  expect(read()).toBe(small);
});

test('the bound is kept to the byte', () => {
  const [exact, above, half] = [readerOf(bound), readerOf(bound + 1), readerOf(bound / 2)];
  expect(exact(1) === exact(1)).toBe(true);
  expect(above(1) === above(1)).toBe(false);
  const [first, second] = [half(1), half(2)];
  expect([half(1) === first, half(2) === second]).toEqual([true, true]);
});

test('what is no longer there is forgotten, and its room is free again', () => {
  const verified = new VerifiedManifests(bound);
  for (const id of [1, 2, 3]) verified.parse(id, bytesOf(id), limit);
  verified.keepOnly(new Set([2]));
  expect(verified.count).toBe(1);
  const kept = verified.parse(2, bytesOf(2), limit);
  verified.parse(4, bytesOf(4, bound - 2 * bare), limit);
  expect(verified.parse(2, bytesOf(2), limit)).toBe(kept);
});

test('a store keeps no more manifests than it holds, however many it has pruned', async () => {
  const keepOnly = jest.spyOn(VerifiedManifests.prototype, 'keepOnly');
  const disk = new SimulatedDisk();
  const store = await makeStore(disk.mount().fileSystem, seededRandom(1)).open({
    pipeline: 'orders',
  });
  for (let round = 0; round < 40; round += 1) {
    await saveNew(store);
    await store.prune({ retainedCheckpoints: 2 });
  }
  const [cache] = keepOnly.mock.contexts as VerifiedManifests[];
  keepOnly.mockRestore();
  expect((await store.list()).length).toBe(2);
  expect(cache?.count).toBe(2);
});
