// Reading a memory store: parsed and verified from its texts, as from a disk.

import { toError } from '../../errors.js';
import { checkpointId, type CheckpointId, type StoreId } from '../../ids.js';
import { manifestIntegrity } from '../../manifest/parse.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import { checkManifestVersion } from '../../manifest/version.js';
import type { CheckpointListing, LoadedCheckpoint, StoreReader } from '../checkpoint-store.js';
import { listCheckpoints, type FoundCheckpoint } from '../listing.js';
import {
  inlineStateOf,
  StateChecksum,
  checkRestorable,
  sidecarProblem,
  sidecarRange,
} from '../state-checks.js';
import { notFound } from '../store-error.js';
import { manifestOf, type MemoryContent, type StoredCheckpoint } from './memory-content.js';

export class MemoryStoreReader implements StoreReader {
  constructor(protected readonly content: MemoryContent) {}

  get storeId(): StoreId | undefined {
    return this.content.storeId;
  }

  get pipeline(): string | undefined {
    return this.content.pipeline;
  }

  async list(): Promise<readonly CheckpointListing[]> {
    const found = [...this.content.checkpoints].map(([id, stored]) => examine(id, stored));
    return Promise.resolve(listCheckpoints(found));
  }

  async load(id: CheckpointId): Promise<LoadedCheckpoint> {
    const stored = this.#stored(id);
    const { sidecar } = stored;
    const manifest = manifestOf(stored);
    checkManifestVersion(manifest);
    checkRestorable(manifest);
    const checksum = new StateChecksum(manifest, sidecar !== undefined);
    if (sidecar !== undefined) checksum.update(sidecar);
    const problem = sidecarProblem(manifest, sidecar?.byteLength) ?? checksum.problem();
    if (problem !== undefined) throw problem;
    return Promise.resolve({
      id,
      manifest,
      integrity: manifestIntegrity(manifest),
      sidecarByteLength: sidecar?.byteLength ?? 0,
    });
  }

  readOperatorState(
    { id, manifest }: LoadedCheckpoint,
    operator: string,
  ): AsyncIterable<Uint8Array> | undefined {
    const range = sidecarRange(manifest, operator);
    if (range === undefined) return inlineStateOf(manifest, operator);
    return this.#sidecarBytes(id, range.start, range.end);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async *#sidecarBytes(id: number, start: number, end: number): AsyncIterable<Uint8Array> {
    const bytes = this.#stored(id).sidecar?.slice(start, end) ?? new Uint8Array();
    if (bytes.byteLength > 0) yield Promise.resolve(bytes);
  }

  #stored(id: number): StoredCheckpoint {
    const stored = this.content.checkpoints.get(id);
    if (stored !== undefined) return stored;
    throw notFound(id);
  }
}

function examine(id: number, stored: StoredCheckpoint): FoundCheckpoint {
  const { manifestText, sidecar } = stored;
  const byteLength = Buffer.byteLength(manifestText) + (sidecar?.byteLength ?? 0);
  const found = { id: checkpointId(id), byteLength };
  try {
    const manifest: CheckpointManifest = manifestOf(stored);
    const problem = sidecarProblem(manifest, sidecar?.byteLength);
    return { ...found, content: { kind: 'readable', manifest, problem } };
  } catch (error) {
    return { ...found, content: { kind: 'unreadable', problem: toError(error) } };
  }
}
