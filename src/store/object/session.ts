// A store on object storage in the hands of one generation.

import type { CheckpointId, Generation } from '../../ids.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import { checkManifestUpdate } from '../../manifest/update-rules.js';
import { Mutex } from '../../runtime/mutex.js';
import { CheckpointIds } from '../checkpoint-ids.js';
import type {
  CheckpointListing,
  OwnedStore,
  PruneOptions,
  PruneReport,
  SavedManifest,
  SidecarReceipt,
  StoreCallOptions,
  WriteSidecarOptions,
} from '../checkpoint-store.js';
import { checkpointsToPrune } from '../retention.js';
import { checkStatedSidecar } from '../save-rules.js';
import { notFound } from '../store-error.js';
import { Bodies, type SidecarBody } from './bodies.js';
import { bodiesOf, withEntry, type CheckpointEntry, type Current } from './current.js';
import { Leavings } from './leavings.js';
import { Ownership } from './ownership.js';
import { guarded, type ObjectStorePorts } from './ports.js';
import type { ServiceTime } from './probe.js';
import { ObjectStoreReader } from './reader.js';
import type { SeenCurrent } from './current-object.js';

/** Manifests that are kept, so that pruning need not read them again. */
const maxKnown = 1_000;

export class ObjectOwnedStore extends ObjectStoreReader implements OwnedStore {
  override readonly storeId: OwnedStore['storeId'];
  override readonly pipeline: string;
  readonly generation: Generation;
  readonly #ownership: Ownership;
  readonly #ids: CheckpointIds;
  readonly #bodies: Bodies;
  readonly #leavings: Leavings;
  readonly #sidecars = new Map<number, SidecarBody>();
  /** By the names of their bodies, whose bytes never change. */
  readonly #known = new Map<string, CheckpointManifest>();
  readonly #mutex = new Mutex();

  constructor(
    ports: ObjectStorePorts,
    claimed: SeenCurrent,
    private readonly time: ServiceTime,
  ) {
    super(ports, claimed.current.storeId, claimed.current.pipeline);
    this.storeId = claimed.current.storeId;
    this.pipeline = claimed.current.pipeline;
    this.generation = claimed.current.generation;
    this.#ownership = new Ownership(ports, claimed);
    this.#ids = new CheckpointIds(this.generation);
    this.#bodies = new Bodies(ports, this.#ownership);
    this.#leavings = new Leavings(ports, this.#ownership, time);
  }

  async takeNextGeneration({ signal }: StoreCallOptions = {}): Promise<ObjectOwnedStore> {
    const doing = `taking the generation after ${this.generation} of ${this.place}`;
    // Not in turn: what hangs in this session is one of the reasons to leave it.
    const claimed = await guarded(doing, signal, () => this.#ownership.takeNext(signal));
    return new ObjectOwnedStore(this.ports, claimed, this.time);
  }

  allocateCheckpointId(): CheckpointId {
    return this.#ids.allocate();
  }

  async writeSidecar(
    id: CheckpointId,
    chunks: AsyncIterable<Uint8Array>,
    options: WriteSidecarOptions,
  ): Promise<SidecarReceipt> {
    const { signal } = options;
    return guarded(`writing the sidecar of checkpoint ${id}`, signal, async () => {
      this.#ownership.check();
      this.#ids.checkAllocated(id);
      // Beside the upload: on a small sidecar it would be a third of the time.
      const owning = this.#ownership.read(signal);
      owning.catch(() => undefined);
      const written = await this.#bodies.writeSidecar(chunks, options);
      await owning;
      // One that is replaced stays until a later owner finds it: a save that failed may still name it.
      this.#sidecars.set(id, written);
      return written.receipt;
    });
  }

  async saveManifest(
    manifest: CheckpointManifest,
    { signal }: StoreCallOptions = {},
  ): Promise<SavedManifest> {
    const id = manifest.checkpointId;
    return this.#inTurn(`saving checkpoint ${id}`, signal, () => {
      const sidecar = this.#sidecars.get(id);
      return this.#write(manifest, signal, () => {
        this.#ids.checkAllocated(id);
        checkStatedSidecar(manifest, sidecar);
        return sidecar?.name;
      });
    });
  }

  async updateManifest(
    previous: SavedManifest,
    next: CheckpointManifest,
    { signal }: StoreCallOptions = {},
  ): Promise<SavedManifest> {
    const id = next.checkpointId;
    return this.#inTurn(`updating checkpoint ${id}`, signal, () => {
      checkManifestUpdate(previous.manifest, next);
      return this.#write(next, signal, () => {
        throw notFound(id);
      });
    });
  }

  async prune({ retainedCheckpoints, signal }: PruneOptions): Promise<PruneReport> {
    return this.#inTurn('pruning', signal, async () => {
      const listings = await this.scan(signal, this.#known);
      this.#keepKnown(listings);
      const deleted = checkpointsToPrune(listings, retainedCheckpoints);
      if (deleted.length > 0) await this.#remove(new Set(deleted), signal);
      await this.#leavings.clear(() => this.current(signal), signal);
      return { deleted };
    });
  }

  async quarantine(id: CheckpointId, { signal }: StoreCallOptions = {}): Promise<void> {
    return this.#inTurn(`quarantining checkpoint ${id}`, signal, async () => {
      await this.#ownership.change(({ checkpoints, quarantined }) => {
        const entry = entryOf(checkpoints, id);
        if (entry === undefined) throw notFound(id);
        return Promise.resolve({
          checkpoints: checkpoints.filter((one) => one !== entry),
          quarantined: withEntry(quarantined, entry),
        });
      }, signal);
    });
  }

  /** Ends the ownership: the next `open` does not wait. */
  override async close(): Promise<void> {
    await this.#mutex.runExclusive(() => this.#ownership.end());
  }

  protected override async current(signal: AbortSignal | undefined): Promise<Current> {
    return (await this.#ownership.read(signal)).current;
  }

  /**
   * Makes a manifest visible: its body first, then the version that names it.
   *
   * @param asNew Gives the sidecar of a checkpoint that is not there yet, or throws.
   */
  async #write(
    manifest: CheckpointManifest,
    signal: AbortSignal | undefined,
    asNew: () => string | undefined,
  ): Promise<SavedManifest> {
    const id = manifest.checkpointId as CheckpointId;
    let body: string | undefined;
    const changed = await this.#ownership.change(async ({ checkpoints }) => {
      const stored = entryOf(checkpoints, id);
      const sidecar = stored === undefined ? asNew() : stored.sidecar;
      // Against what is stored, not only against what the caller last saw.
      if (stored !== undefined) checkManifestUpdate(await this.#stored(stored, signal), manifest);
      body ??= await this.#bodies.writeManifest(manifest, signal);
      return { checkpoints: withEntry(checkpoints, { id, manifest: body, sidecar }) };
    }, signal);
    const replaced = entryOf(changed?.before.checkpoints ?? [], id);
    if (replaced !== undefined) this.#leavings.add([replaced.manifest]);
    if (body !== undefined) this.#remember(body, manifest);
    this.#sidecars.delete(id);
    return { manifest };
  }

  async #remove(ids: ReadonlySet<CheckpointId>, signal: AbortSignal | undefined): Promise<void> {
    const changed = await this.#ownership.change(
      ({ checkpoints }) =>
        Promise.resolve({ checkpoints: checkpoints.filter(({ id }) => !ids.has(id)) }),
      signal,
    );
    const removed = changed?.before.checkpoints.filter(({ id }) => ids.has(id)) ?? [];
    this.#leavings.add(removed.flatMap(bodiesOf));
  }

  async #stored(
    entry: CheckpointEntry,
    signal: AbortSignal | undefined,
  ): Promise<CheckpointManifest> {
    const known = this.#known.get(entry.manifest);
    if (known !== undefined) return known;
    const manifest = await this.manifestOf(entry, signal);
    this.#remember(entry.manifest, manifest);
    return manifest;
  }

  #remember(name: string, manifest: CheckpointManifest): void {
    this.#known.set(name, manifest);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= maxKnown) return;
      this.#known.delete(oldest);
    }
  }

  #keepKnown(listings: readonly CheckpointListing[]): void {
    const listed = new Set(listings.map(({ manifest }) => manifest));
    for (const [name, manifest] of this.#known) if (!listed.has(manifest)) this.#known.delete(name);
  }

  #inTurn<Value>(
    doing: string,
    signal: AbortSignal | undefined,
    work: () => Promise<Value>,
  ): Promise<Value> {
    const checked = (): Promise<Value> =>
      guarded(`${doing} of ${this.place}`, signal, async () => {
        this.#ownership.check();
        return work();
      });
    return this.#mutex.runExclusive(checked, signal);
  }
}

function entryOf(entries: readonly CheckpointEntry[], id: number): CheckpointEntry | undefined {
  return entries.find((entry) => entry.id === id);
}
