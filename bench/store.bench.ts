// A durable save against a floor that makes the same file-system calls with the same bytes and hashes.

import { createHash } from 'node:crypto';
import * as fsSync from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSystemCheckpointStore } from 'tidegate';
import type { OwnedStore } from 'tidegate/extend';
import {
  createManifest,
  externalOperatorState,
  inlineOperatorState,
  serializeManifest,
  type CheckpointManifest,
} from 'tidegate/manifest';
import { isQuick, printRows, quantile } from './measure.js';

const mebibyte = 2 ** 20;
const allSizes = [
  { name: '2 KiB', bytes: 2_048, rounds: 400, aim: 1.25 },
  { name: '1 MiB', bytes: mebibyte, rounds: 120, aim: 1.15 },
  { name: '64 MiB', bytes: 64 * mebibyte, rounds: 12, aim: 1.15 },
  { name: '1 GiB', bytes: 1_024 * mebibyte, rounds: 3, aim: 1.15 },
];
const sizes = isQuick ? allSizes.slice(0, 2).map((size) => ({ ...size, rounds: 3 })) : allSizes;
const rows: string[][] = [];
const directory = fsSync.mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
const piece = Buffer.alloc(mebibyte, 7);

try {
  const store = await new FileSystemCheckpointStore(join(directory, 'ours'), {
    heartbeatMs: 0,
  }).open({ pipeline: 'bench' });
  fsSync.mkdirSync(join(directory, 'floor'));
  for (const size of sizes) await measure(store, size);
  printRows(
    ['state', 'ours p50 ms', 'floor p50 ms', 'ratio', 'aim', 'synchronous p50 ms', 'ratio'],
    rows,
  );
  if (!isQuick) console.log(`\n${await memoryOf(store, 1_024 * mebibyte)}`);
} finally {
  fsSync.rmSync(directory, { recursive: true });
}

async function measure(store: OwnedStore, size: (typeof sizes)[number]): Promise<void> {
  const times = { ours: [] as number[], floor: [] as number[], plain: [] as number[] };
  const text = serializeManifest(manifestFor(store, 2 ** 24 + 1, size.bytes, 'f'.repeat(64)));
  for (let round = 0; round < size.rounds; round += 1) {
    const contenders = [
      async () => times.ours.push(await timed(() => saveOurs(store, size.bytes, () => piece))),
      async () => times.floor.push(await timed(() => saveFloor(round, text, size.bytes))),
      async () => times.plain.push(await timed(() => savePlain(round, text, size.bytes))),
    ];
    // In turns: whoever comes first pays for what the deletions left in the journal.
    for (let turn = 0; turn < contenders.length; turn += 1) {
      await contenders[(round + turn) % contenders.length]?.();
    }
    // Both delete what they wrote, outside the measurement, so that neither fills the disk.
    await store.prune({ retainedCheckpoints: 1 });
    for (const kind of ['floor', 'plain']) {
      fsSync.rmSync(join(directory, 'floor', `${kind}_${round}`), { recursive: true });
    }
  }
  const [ours, floor, plain] = [times.ours, times.floor, times.plain].map(median) as [
    number,
    number,
    number,
  ];
  rows.push([
    size.name,
    ours.toFixed(2),
    floor.toFixed(2),
    (ours / floor).toFixed(2),
    size.aim.toFixed(2),
    plain.toFixed(2),
    (ours / plain).toFixed(2),
  ]);
}

/** Every piece in memory of its own, so that a store which held on to them would show. */
async function memoryOf(store: OwnedStore, bytes: number): Promise<string> {
  globalThis.gc?.();
  const startBytes = process.memoryUsage.rss();
  let peakBytes = startBytes;
  await saveOurs(store, bytes, () => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    return Buffer.alloc(mebibyte, 7);
  });
  const growth = (peakBytes - startBytes) / mebibyte;
  return `Peak memory above the start, 1 GiB streamed: ${growth.toFixed(0)} MiB (aim: 128).`;
}

/** Small states stand in the manifest, larger ones in the sidecar, as in a real save. */
async function saveOurs(
  store: OwnedStore,
  bytes: number,
  nextPiece: () => Uint8Array,
): Promise<void> {
  const id = store.allocateCheckpointId();
  if (bytes < mebibyte) {
    await store.saveManifest(manifestFor(store, id, bytes, undefined));
    return;
  }
  const { sha256 } = await store.writeSidecar(id, chunks(bytes, nextPiece), { maxBytes: 2 ** 40 });
  await store.saveManifest(manifestFor(store, id, bytes, sha256));
}

async function* chunks(bytes: number, nextPiece: () => Uint8Array): AsyncIterable<Uint8Array> {
  for (let sent = 0; sent < bytes; sent += mebibyte) {
    yield await Promise.resolve(nextPiece());
  }
}

function manifestFor(
  store: OwnedStore,
  id: number,
  bytes: number,
  stateChecksum: string | undefined,
): CheckpointManifest {
  const isInline = bytes < mebibyte;
  const state = isInline
    ? inlineOperatorState(piece.subarray(0, bytes))
    : externalOperatorState(0, bytes);
  return {
    ...createManifest(id, 1),
    operatorStates: new Map([['state', state]]),
    stateChecksum: isInline ? undefined : stateChecksum,
    tidegate: {
      storeId: store.storeId,
      pipeline: 'bench',
      generation: store.generation,
      kind: 'checkpoint',
      commitHandles: new Map(),
    },
  };
}

/** The calls of a save in their order, through node:fs/promises, and nothing else. */
async function saveFloor(round: number, text: string, bytes: number): Promise<void> {
  const root = join(directory, 'floor');
  const target = join(root, `floor_${round}`);
  const staged = `${target}.staged`;
  // A save looks whether the checkpoint is there already.
  await fs.lstat(target).catch(() => undefined);
  await fs.mkdir(staged);
  if (bytes >= mebibyte) {
    const hash = createHash('sha256');
    const file = await fs.open(join(staged, 'state.bin'), 'wx');
    for (let sent = 0; sent < bytes; sent += piece.byteLength) {
      const writing = file.write(piece);
      hash.update(piece);
      await writing;
    }
    await file.datasync();
    await file.close();
    hash.digest('hex');
  }
  await writeAndSync(join(staged, 'manifest.json'), text);
  createHash('sha256').update(text).digest('hex');
  await syncDirectory(staged);
  await fs.rename(staged, target);
  await syncDirectory(root);
  const pointer = await fs.open(join(root, 'latest.tmp'), 'wx');
  await pointer.write(Buffer.from('checkpoint_000000'));
  await pointer.close();
  await fs.rename(join(root, 'latest.tmp'), join(root, 'latest.txt'));
}

async function writeAndSync(path: string, text: string): Promise<void> {
  const file = await fs.open(path, 'wx');
  await file.write(Buffer.from(text));
  await file.datasync();
  await file.close();
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await fs.open(path, 'r');
  await handle.sync();
  await handle.close();
}

/** What a program does that blocks its event loop: the same calls, synchronously. */
function savePlain(round: number, text: string, bytes: number): void {
  const root = join(directory, 'floor');
  const target = join(root, `plain_${round}`);
  const staged = `${target}.staged`;
  fsSync.lstatSync(target, { throwIfNoEntry: false });
  fsSync.mkdirSync(staged);
  if (bytes >= mebibyte) {
    const hash = createHash('sha256');
    const file = fsSync.openSync(join(staged, 'state.bin'), 'wx');
    for (let sent = 0; sent < bytes; sent += piece.byteLength) {
      fsSync.writeSync(file, piece);
      hash.update(piece);
    }
    fsSync.fdatasyncSync(file);
    fsSync.closeSync(file);
    hash.digest('hex');
  }
  const file = fsSync.openSync(join(staged, 'manifest.json'), 'wx');
  fsSync.writeSync(file, text);
  fsSync.fdatasyncSync(file);
  fsSync.closeSync(file);
  createHash('sha256').update(text).digest('hex');
  syncDirectorySync(staged);
  fsSync.renameSync(staged, target);
  syncDirectorySync(root);
  const pointer = fsSync.openSync(join(root, 'latest.tmp'), 'wx');
  fsSync.writeSync(pointer, 'checkpoint_000000');
  fsSync.closeSync(pointer);
  fsSync.renameSync(join(root, 'latest.tmp'), join(root, 'latest.txt'));
}

function syncDirectorySync(path: string): void {
  const handle = fsSync.openSync(path, 'r');
  fsSync.fsyncSync(handle);
  fsSync.closeSync(handle);
}

async function timed(work: () => Promise<void> | void): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
