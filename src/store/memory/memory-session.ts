// A memory store in the hands of one generation.

import { createHash } from 'node:crypto';
import { TidegateError } from '../../errors.js';
import type { CheckpointId, Generation, StoreId } from '../../ids.js';
import { serializeManifest } from '../../manifest/serialize.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import { checkManifestUpdate } from '../../manifest/update-rules.js';
import { assert } from '../../assert.js';
import { CheckpointIds } from '../checkpoint-ids.js';
import type {
  OwnedStore,
  PruneOptions,
  PruneReport,
  SavedManifest,
  SidecarReceipt,
  StoreCallOptions,
  WriteSidecarOptions,
} from '../checkpoint-store.js';
import { checkpointsToPrune } from '../retention.js';
import { checkStatedSidecar, consumeChunks } from '../save-rules.js';
import { fenced, notFound } from '../store-error.js';
import { MemoryStoreReader } from './memory-reader.js';
import { claimNext, manifestOf, type MemoryContent } from './memory-content.js';

interface PreparedSidecar {
  readonly receipt: SidecarReceipt;
  readonly bytes: Uint8Array;
  readonly inlineDigest: string | undefined;
}

export class MemoryOwnedStore extends MemoryStoreReader implements OwnedStore {
  readonly #ids: CheckpointIds;
  readonly #sidecars = new Map<number, PreparedSidecar>();
  #isClosed = false;

  constructor(
    content: MemoryContent,
    readonly generation: Generation,
  ) {
    super(content);
    this.#ids = new CheckpointIds(generation);
  }

  override get storeId(): StoreId {
    const { storeId } = this.content;
    assert(storeId !== undefined, 'an owned store has no store id');
    return storeId;
  }

  override get pipeline(): string {
    const { pipeline } = this.content;
    assert(pipeline !== undefined, 'an owned store has no pipeline');
    return pipeline;
  }

  async takeNextGeneration(options: StoreCallOptions = {}): Promise<MemoryOwnedStore> {
    this.#check(options.signal);
    return Promise.resolve(new MemoryOwnedStore(this.content, claimNext(this.content)));
  }

  allocateCheckpointId(): CheckpointId {
    return this.#ids.allocate();
  }

  async writeSidecar(
    id: CheckpointId,
    chunks: AsyncIterable<Uint8Array>,
    options: WriteSidecarOptions,
  ): Promise<SidecarReceipt> {
    this.#check(options.signal);
    this.#ids.checkAllocated(id);
    const copies: Uint8Array[] = [];
    const hash = createHash('sha256');
    const { inlineDigest } = options;
    if (inlineDigest !== undefined) hash.update(inlineDigest);
    const byteLength = await consumeChunks(chunks, options, (chunk) => {
      // Not with slice: of a Buffer it copies nothing, and the caller may use its memory again.
      copies.push(new Uint8Array(chunk));
      hash.update(chunk);
    });
    this.#check(options.signal);
    const receipt = { byteLength, sha256: hash.digest('hex') };
    const bytes = new Uint8Array(Buffer.concat(copies));
    this.#sidecars.set(id, { receipt, bytes, inlineDigest });
    return receipt;
  }

  async saveManifest(
    manifest: CheckpointManifest,
    options: StoreCallOptions = {},
  ): Promise<SavedManifest> {
    this.#check(options.signal);
    const id = manifest.checkpointId;
    if (this.content.checkpoints.has(id)) return this.#replace(manifest);
    this.#ids.checkAllocated(id);
    const sidecar = this.#sidecars.get(id);
    checkStatedSidecar(manifest, sidecar);
    const manifestText = serializeManifest(manifest);
    this.content.checkpoints.set(id, { manifestText, sidecar: sidecar?.bytes });
    this.#sidecars.delete(id);
    return Promise.resolve({ manifest });
  }

  async updateManifest(
    previous: SavedManifest,
    next: CheckpointManifest,
    options: StoreCallOptions = {},
  ): Promise<SavedManifest> {
    this.#check(options.signal);
    checkManifestUpdate(previous.manifest, next);
    return Promise.resolve(this.#replace(next));
  }

  async prune(options: PruneOptions): Promise<PruneReport> {
    this.#check(options.signal);
    const deleted = checkpointsToPrune(await this.list(), options.retainedCheckpoints);
    this.#check(options.signal);
    for (const id of deleted) this.content.checkpoints.delete(id);
    return { deleted };
  }

  async quarantine(id: CheckpointId, options: StoreCallOptions = {}): Promise<void> {
    this.#check(options.signal);
    const stored = this.content.checkpoints.get(id);
    if (stored === undefined) throw notFound(id);
    this.content.checkpoints.delete(id);
    this.content.quarantined.set(id, stored);
    return Promise.resolve();
  }

  override async close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  #replace(next: CheckpointManifest): SavedManifest {
    const stored = this.content.checkpoints.get(next.checkpointId);
    if (stored === undefined) throw notFound(next.checkpointId);
    // Against what is stored, not only against what the caller last saw.
    checkManifestUpdate(manifestOf(stored), next);
    this.content.checkpoints.set(next.checkpointId, {
      ...stored,
      manifestText: serializeManifest(next),
    });
    return { manifest: next };
  }

  #check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.generation !== this.content.generation) {
      throw fenced(this.generation, this.content.generation);
    }
    if (this.#isClosed) {
      throw new TidegateError('TIDEGATE_STORE_CLOSED', `generation ${this.generation} was closed`);
    }
  }
}
