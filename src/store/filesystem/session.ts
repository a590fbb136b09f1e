// A filesystem store in the hands of one generation.

import { hasErrorCode } from '../../errors.js';
import type { CheckpointId, Generation, StoreId } from '../../ids.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import { checkManifestUpdate } from '../../manifest/update-rules.js';
import { errnoOf } from '../../runtime/file-system.js';
import { Mutex } from '../../runtime/mutex.js';
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
import { fenced, notFound, storeFailure } from '../store-error.js';
import { CheckpointWriter } from './checkpoint-writer.js';
import type { Ownership } from './opening.js';
import { OwnerLease } from './owner-lease.js';
import type { StorePorts } from './ports.js';
import { readManifest } from './read-manifest.js';
import { FileSystemStoreReader } from './reader.js';

/** Takes the generation after this one; the store gives it to its sessions. */
export type TakeNext = (
  after: Generation,
  onClaim: (claimed: Generation) => void,
) => Promise<FileSystemOwnedStore>;

/** A next generation that is being taken, for the caller who asked last. */
interface Taking {
  readonly next: Promise<FileSystemOwnedStore>;
  signal: AbortSignal | undefined;
}

export class FileSystemOwnedStore extends FileSystemStoreReader implements OwnedStore {
  override readonly storeId: StoreId;
  override readonly pipeline: string;
  readonly generation: Generation;
  readonly #ids: CheckpointIds;
  readonly #writer: CheckpointWriter;
  readonly #lease: OwnerLease;
  readonly #takeNext: TakeNext;
  readonly #mutex = new Mutex();
  /** This generation, or a later one that this session won but could not finish opening. */
  #lastClaimed: Generation;
  #hasSuccessor = false;
  #taking: Taking | undefined;
  /** What this session wrote last, so that the re-save that follows a save need not read. */
  #lastWritten: CheckpointManifest | undefined;

  constructor(ports: StorePorts, ownership: Ownership, takeNext: TakeNext) {
    super(ports, ownership);
    this.storeId = ownership.storeId;
    this.pipeline = ownership.pipeline;
    this.generation = ownership.claim.generation;
    this.#lastClaimed = this.generation;
    this.#ids = new CheckpointIds(this.generation);
    this.#writer = new CheckpointWriter(ports, ownership.claim.staging);
    this.#lease = new OwnerLease(ports, ownership.claim);
    this.#takeNext = takeNext;
  }

  async takeNextGeneration({ signal }: StoreCallOptions = {}): Promise<FileSystemOwnedStore> {
    signal?.throwIfAborted();
    const taking = this.#takingFor(signal);
    taking.signal = signal;
    try {
      const next = await taking.next;
      if (signal?.aborted === true) {
        // Unless another caller waits for it by now, it would never be closed.
        if (taking.signal === signal) await next.close();
        signal.throwIfAborted();
      }
      this.#hasSuccessor = true;
      return next;
    } catch (error) {
      throw storeFailure(error, `taking the generation after ${this.generation}`, signal);
    }
  }

  /**
   * The taking that a caller has left behind is given to the next one: a second claim of the same
   * number would find it taken, and a session would fence itself.
   */
  #takingFor(signal: AbortSignal | undefined): Taking {
    if (this.#taking?.signal?.aborted === true) return this.#taking;
    // A claim of our own that failed later may be followed by another; a claim of another owner may not.
    if (this.#lastClaimed === this.generation) this.#lease.check();
    if (this.#hasSuccessor || this.#taking !== undefined) {
      throw fenced(this.generation, this.#lastClaimed);
    }
    this.#taking = { next: this.#take(), signal };
    return this.#taking;
  }

  async #take(): Promise<FileSystemOwnedStore> {
    try {
      // Not in turn: what hangs in this session is one of the reasons to leave it.
      const next = await this.#takeNext(this.#lastClaimed, (claimed) => {
        this.#lastClaimed = claimed;
      });
      this.#lease.overtaken();
      return next;
    } catch (error) {
      if (hasErrorCode(error, 'TIDEGATE_FENCED')) this.#lease.overtaken();
      throw error;
    } finally {
      this.#taking = undefined;
    }
  }

  allocateCheckpointId(): CheckpointId {
    return this.#ids.allocate();
  }

  async writeSidecar(
    id: CheckpointId,
    chunks: AsyncIterable<Uint8Array>,
    options: WriteSidecarOptions,
  ): Promise<SidecarReceipt> {
    options.signal?.throwIfAborted();
    this.#lease.check();
    this.#ids.checkAllocated(id);
    // Not in turn: it writes only in staging, and a slow one must not hold back a re-save.
    return this.#lease.guard(
      `writing the sidecar of checkpoint ${id}`,
      () => this.#writer.writeSidecar(id, chunks, options),
      options.signal,
    );
  }

  async saveManifest(
    manifest: CheckpointManifest,
    { signal }: StoreCallOptions = {},
  ): Promise<SavedManifest> {
    const id = manifest.checkpointId;
    return this.#inTurn(`saving checkpoint ${id}`, signal, async () => {
      const stored = await this.#stored(id);
      if (stored !== undefined) return this.#replace(stored, manifest, signal);
      this.#ids.checkAllocated(id);
      await this.#writer.publish(manifest, signal);
      return this.#written(manifest);
    });
  }

  async updateManifest(
    previous: SavedManifest,
    next: CheckpointManifest,
    { signal }: StoreCallOptions = {},
  ): Promise<SavedManifest> {
    const id = next.checkpointId;
    return this.#inTurn(`updating checkpoint ${id}`, signal, async () => {
      checkManifestUpdate(previous.manifest, next);
      // Also against what is stored: the caller's copy may be older than another update.
      const stored = await this.#stored(id);
      if (stored === undefined) throw notFound(id);
      return this.#replace(stored, next, signal);
    });
  }

  async prune({ retainedCheckpoints, signal }: PruneOptions): Promise<PruneReport> {
    return this.#inTurn('pruning', signal, async () => {
      const deleted = checkpointsToPrune(await this.list(), retainedCheckpoints);
      await this.#writer.remove(deleted);
      return { deleted };
    });
  }

  async quarantine(id: CheckpointId, { signal }: StoreCallOptions = {}): Promise<void> {
    return this.#inTurn(`quarantining checkpoint ${id}`, signal, async () => {
      const { fileSystem, layout } = this.ports;
      try {
        await fileSystem.stat(layout.checkpoint(id));
      } catch (error) {
        throw errnoOf(error) === 'ENOENT' ? notFound(id) : error;
      }
      await this.#writer.quarantine(id);
    });
  }

  /** Ends the ownership: the next `open` does not wait. */
  override async close(): Promise<void> {
    await this.#mutex.runExclusive(() => this.#lease.end());
  }

  async #replace(
    stored: CheckpointManifest,
    next: CheckpointManifest,
    signal: AbortSignal | undefined,
  ): Promise<SavedManifest> {
    checkManifestUpdate(stored, next);
    this.#lastWritten = undefined;
    await this.#writer.replaceManifest(next, signal);
    return this.#written(next);
  }

  #written(manifest: CheckpointManifest): SavedManifest {
    this.#lastWritten = manifest;
    return { manifest };
  }

  async #stored(id: number): Promise<CheckpointManifest | undefined> {
    if (this.#lastWritten?.checkpointId === id) return this.#lastWritten;
    try {
      return await readManifest(this.ports, id);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  #inTurn<Value>(
    doing: string,
    signal: AbortSignal | undefined,
    work: () => Promise<Value>,
  ): Promise<Value> {
    const checked = (): Promise<Value> => {
      signal?.throwIfAborted();
      this.#lease.check();
      return this.#lease.guard(doing, work, signal);
    };
    return this.#mutex.runExclusive(checked, signal);
  }
}
