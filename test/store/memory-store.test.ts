// The memory store in its words, and what it notices when its content is damaged from outside.

import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { checkpointId, highestGeneration } from '../../src/ids.js';
import { MemoryCheckpointStore } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import {
  createManifest,
  externalOperatorState,
  inlineOperatorState,
  serializeManifest,
} from 'tidegate/manifest';
import type { CheckpointManifest } from 'tidegate/manifest';
import { claimNext, type MemoryContent } from '../../src/store/memory/memory-content.js';
import { MemoryStoreReader } from '../../src/store/memory/memory-reader.js';
import { saveNew } from '../../src/testing/store-conformance/store-bench.js';

const id = checkpointId(7);

/** A foreign manifest: whatever it says has to be held against its sidecar. */
function contentOf(
  change: Partial<CheckpointManifest>,
  sidecar?: Uint8Array,
  generation = 0,
): MemoryContent {
  const manifest = { ...createManifest(id, 1, { clock: { now: () => 1 } }), ...change };
  const stored = { manifestText: serializeManifest(manifest), sidecar };
  return {
    checkpoints: new Map([[id, stored]]),
    quarantined: new Map(),
    storeId: undefined,
    pipeline: undefined,
    generation,
  };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const sidecar = Buffer.from('state of large');
const large = { operatorStates: new Map([['large', externalOperatorState(0, sidecar.length)]]) };

describe('a session', () => {
  test('says by which generation it was overtaken, or that it was closed', async () => {
    const store = new MemoryCheckpointStore();
    const first = await store.open({ pipeline: 'orders' });
    const second = await store.open({ pipeline: 'orders' });
    await second.close();

    await expect(saveNew(first)).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
      message: 'generation 1 was overtaken by generation 2',
    });
    await expect(saveNew(second)).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_CLOSED',
      message: 'generation 2 was closed',
    });
  });

  test('names the checkpoint that is not there', async () => {
    const store = await new MemoryCheckpointStore().open({ pipeline: 'orders' });
    const notFound = {
      code: 'TIDEGATE_CHECKPOINT_NOT_FOUND',
      message: `there is no checkpoint ${id}`,
    };

    await expect(store.load(id)).rejects.toMatchObject(notFound);
    await expect(store.quarantine(id)).rejects.toMatchObject(notFound);
  });

  test('of another pipeline is refused with both names', async () => {
    const store = new MemoryCheckpointStore();
    await store.open({ pipeline: 'orders' });

    await expect(store.open({ pipeline: 'clicks' })).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_PIPELINE',
      message: 'the store belongs to pipeline orders, not to clicks',
    });
  });

  test('has an id by the chance that the store is given', async () => {
    const idBy = async (seed: number): Promise<string> => {
      const store = new MemoryCheckpointStore({ random: seededRandom(seed) });
      return (await store.open({ pipeline: 'orders' })).storeId.slice(14);
    };

    expect(await idBy(1)).toBe(await idBy(1));
    expect(await idBy(1)).not.toBe(await idBy(2));
  });

  test('has an id by the clock that the store is given', async () => {
    const idAt = async (nowMs: number): Promise<string> => {
      const clock = { now: () => nowMs };
      const store = new MemoryCheckpointStore({ random: seededRandom(1), clock });
      return (await store.open({ pipeline: 'orders' })).storeId;
    };

    expect(await idAt(0x0123456789ab)).toMatch(/^01234567-89ab-7/);
    expect(await idAt(0x0123456789ab)).toBe(await idAt(0x0123456789ab));
    expect(await idAt(-1)).toMatch(/^00000000-0001-7/);
    expect(await idAt(2 ** 50)).toMatch(/^ffffffff-ffff-7/);
  });

  test('is the last at the highest generation', () => {
    expect(claimNext(contentOf({}, undefined, highestGeneration - 1))).toBe(highestGeneration);
    expect(() => claimNext(contentOf({}, undefined, highestGeneration))).toThrow(
      expect.objectContaining({
        code: 'TIDEGATE_GENERATIONS_EXHAUSTED',
        message: `generation ${highestGeneration} is the last`,
      }),
    );
  });
});

describe('a reader', () => {
  test('verifies a sidecar by what its manifest states', async () => {
    const stateChecksum = sha256(sidecar);
    const good = new MemoryStoreReader(contentOf({ ...large, stateChecksum }, sidecar));
    expect(await good.load(id)).toMatchObject({ id, sidecarByteLength: sidecar.length });

    const corrupt = { code: 'TIDEGATE_STATE_CORRUPT' };
    for (const content of [
      contentOf({ ...large, stateChecksum: sha256(Buffer.of(1)) }, sidecar),
      contentOf(large, sidecar.subarray(1)),
      contentOf(large),
    ]) {
      await expect(new MemoryStoreReader(content).load(id)).rejects.toMatchObject(corrupt);
    }
  });

  test('verifies inline states of another program, where there is no sidecar', async () => {
    const inline = inlineOperatorState(Buffer.from('A'));
    const operatorStates = new Map([['totals', inline]]);
    const stateChecksum = sha256(Buffer.from(`totals\0${inline.stateB64}\0`));

    const good = new MemoryStoreReader(contentOf({ operatorStates, stateChecksum }));
    expect(await good.load(id)).toMatchObject({ integrity: 'unverified', sidecarByteLength: 0 });
    const bad = contentOf({ operatorStates, stateChecksum: sha256(Buffer.of()) });
    await expect(new MemoryStoreReader(bad).load(id)).rejects.toMatchObject({
      code: 'TIDEGATE_STATE_CORRUPT',
    });
  });

  test('counts the bytes of manifest and sidecar', async () => {
    const content = contentOf(large, sidecar);
    const { manifestText } = content.checkpoints.get(id)!;

    const [listing] = await new MemoryStoreReader(content).list();

    expect(listing?.byteLength).toBe(Buffer.byteLength(manifestText) + sidecar.length);
  });

  test('gives no piece of a state that is empty', async () => {
    const operatorStates = new Map([
      ['external', externalOperatorState(0, 0)],
      ['inline', inlineOperatorState(Buffer.of())],
    ]);
    const reader = new MemoryStoreReader(contentOf({ operatorStates }, Buffer.of()));
    const loaded = await reader.load(id);

    for (const operator of ['external', 'inline']) {
      const pieces: Uint8Array[] = [];
      for await (const piece of reader.readOperatorState(loaded, operator)!) pieces.push(piece);
      expect(pieces).toEqual([]);
    }
  });
});

test('options that there are not are refused', () => {
  expect(() => new MemoryCheckpointStore({ seed: 1 } as object)).toThrow(
    /^a memory store: there is no option seed: there are random, clock$/,
  );
});
