// Sidecars of the filesystem store: what is written and in which pieces, and what reading notices.

import { describe, expect, test } from '@jest/globals';
import { externalOperatorState, serializeManifest } from 'tidegate/manifest';
import type { DiskHooks } from 'tidegate/testing';
import { manifestOf, saveWithSidecar } from '../../src/testing/store-conformance/store-bench.js';
import { Bench, failing, layout } from './file-system-bench.js';

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

describe('a sidecar is written', () => {
  /** Lengths of the writes that chunks of these lengths lead to. */
  async function writesOf(...sizes: readonly number[]): Promise<readonly number[]> {
    const bench = new Bench();
    const { fileSystem } = bench.disk.mount();
    const writes: number[] = [];
    const counting = Object.create(fileSystem) as typeof fileSystem;
    counting.createFile = async (path) => {
      const file = await fileSystem.createFile(path);
      if (!path.endsWith('state.bin')) return file;
      return {
        write: (bytes) => {
          writes.push(bytes.byteLength);
          return file.write(bytes);
        },
        sync: () => file.sync(),
        close: () => file.close(),
      };
    };
    const store = await bench.open({ fileSystem: counting });
    const chunks = async function* (): AsyncIterable<Uint8Array> {
      for (const size of sizes) yield await Promise.resolve(new Uint8Array(size));
    };
    await store.writeSidecar(store.allocateCheckpointId(), chunks(), { maxBytes: 2 ** 24 });
    return writes;
  }

  test('in one write where its chunks are small', async () => {
    expect(await writesOf(...Array.from({ length: 1_000 }, () => 10))).toEqual([10_000]);
  });

  test('chunk by chunk where they are large', async () => {
    expect(await writesOf(10, 65_536, 10)).toEqual([10, 65_536, 10]);
    expect(await writesOf(10, 65_535, 10)).toEqual([65_555]);
  });

  test('in writes of a mebibyte at most', async () => {
    const small = Array.from({ length: 33 }, () => 32_768);
    expect(await writesOf(...small)).toEqual([1_048_576, 32_768]);
    const uneven = Array.from({ length: 20 }, () => 60_000);
    expect(await writesOf(...uneven)).toEqual([1_020_000, 180_000]);
    expect(await writesOf(2 * 1_048_576)).toEqual([1_048_576, 1_048_576]);
    expect(await writesOf(1_048_577)).toEqual([1_048_576, 1]);
  });
});

describe('a file', () => {
  test('is closed, whatever happens to it', async () => {
    const bench = new Bench();
    let open = 0;
    let isFailing = false;
    const hooks: DiskHooks = {
      before: ({ kind }) => {
        if (kind === 'close') open -= 1;
        const isHit = isFailing && (kind === 'read' || kind === 'write');
        return isHit ? { code: 'EIO', effect: 'none' } : undefined;
      },
      after: ({ kind }) => {
        if (kind === 'open-file' || kind === 'create-file') open += 1;
      },
    };
    const store = await bench.open({}, hooks);
    const { manifest } = await saveWithSidecar(store, Buffer.alloc(20, 1));
    const loaded = await store.load(manifest.checkpointId as never);
    const read = async (): Promise<void> => {
      for await (const piece of store.readOperatorState(loaded, 'large') ?? []) {
        expect(piece.byteLength).toBe(20);
      }
    };
    await read();
    expect(open).toBe(0);

    isFailing = true;
    await expect(read()).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_IO',
      message: expect.stringMatching(/^reading .*state\.bin failed: /) as unknown,
    });
    await expect(store.load(loaded.id)).rejects.toMatchObject({ code: 'TIDEGATE_STORE_IO' });
    await expect(saveWithSidecar(store, Buffer.alloc(20, 1))).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_IO',
    });
    expect(open).toBe(0);
  });

  test('that cannot be opened is no sidecar that is missing', async () => {
    const bench = new Bench();
    let isFailing = false;
    const store = await bench.open(
      {},
      failing(({ kind, path }) => isFailing && kind === 'open-file' && path.endsWith('state.bin')),
    );
    const { manifest } = await saveWithSidecar(store, Buffer.alloc(20, 1));
    isFailing = true;

    await expect(store.load(manifest.checkpointId as never)).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_IO',
    });
  });

  test('that is shorter than stated is noticed where no checksum is stated, too', async () => {
    const bench = new Bench();
    const store = await bench.open();
    const id = store.allocateCheckpointId();
    const changes = { operatorStates: new Map([['large', externalOperatorState(0, 20)]]) };
    const { tidegate: _ours, ...foreign } = manifestOf(store, id, { changes });
    await bench.put(layout.manifest(id), serializeManifest(foreign));
    await bench.put(layout.sidecar(id), 'x'.repeat(19));

    await expect(store.load(id)).rejects.toMatchObject({ code: 'TIDEGATE_STATE_CORRUPT' });
  });
});
