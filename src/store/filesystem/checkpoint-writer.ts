// How a checkpoint changes on disk: it is published, its manifest is replaced, it is removed or quarantined.

import { join } from 'node:path';
import { toError } from '../../errors.js';
import type { CheckpointId } from '../../ids.js';
import { serializeManifest } from '../../manifest/serialize.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import type { SidecarReceipt, WriteSidecarOptions } from '../checkpoint-store.js';
import { checkpointName, manifestFile, quarantinedName, sidecarFile } from '../layout.js';
import { checkStatedSidecar } from '../save-rules.js';
import type { StorePorts } from './ports.js';
import { writeSidecarFile } from './sidecar-writer.js';
import { removeTree, writeNewFile } from '../../runtime/small-files.js';

interface PreparedSidecar {
  readonly directory: string;
  readonly receipt: SidecarReceipt;
  readonly inlineDigest: string | undefined;
}

/**
 * Writes from one staging directory. Each name in it is used once: after a failure the file is
 * abandoned, because the kernel may have dropped what a failed sync could not write, and a second
 * sync would say that all is well.
 */
export class CheckpointWriter {
  readonly #sidecars = new Map<number, PreparedSidecar>();
  /** A removal is visible and not known to be durable. */
  #isRemovalUnsynced = false;
  #nameCount = 0;

  constructor(
    private readonly ports: StorePorts,
    private readonly staging: string,
  ) {}

  async writeSidecar(
    id: CheckpointId,
    chunks: AsyncIterable<Uint8Array>,
    options: WriteSidecarOptions,
  ): Promise<SidecarReceipt> {
    const { fileSystem } = this.ports;
    const directory = this.#newName(checkpointName(id));
    await fileSystem.makeDirectory(directory);
    try {
      const path = join(directory, sidecarFile);
      const receipt = await writeSidecarFile(fileSystem, path, chunks, options);
      const replaced = this.#sidecars.get(id);
      this.#sidecars.set(id, { directory, receipt, inlineDigest: options.inlineDigest });
      if (replaced !== undefined) await this.#discard(replaced.directory);
      return receipt;
    } catch (error) {
      // At once: a disk that is full of an abandoned sidecar has no room for the next one.
      await this.#discard(directory);
      throw error;
    }
  }

  /**
   * Publishes a new checkpoint. Its directory is built whole in staging, so one rename makes
   * sidecar and manifest visible together and no crash leaves half of one. Three syncs, and one
   * for the sidecar.
   */
  async publish(manifest: CheckpointManifest, signal: AbortSignal | undefined): Promise<void> {
    const { fileSystem, layout } = this.ports;
    const id = manifest.checkpointId;
    const sidecar = this.#sidecars.get(id);
    checkStatedSidecar(manifest, sidecar);
    const bytes = this.#serialize(manifest);
    this.#sidecars.delete(id);
    const directory = sidecar?.directory ?? this.#newName(checkpointName(id));
    if (sidecar === undefined) await fileSystem.makeDirectory(directory);
    // A manifest whose bytes are lost would be visible and empty after a power loss.
    await writeNewFile(fileSystem, join(directory, manifestFile), bytes, { sync: true });
    // Both names, before the directory is visible: otherwise a power loss keeps the directory and
    // loses the manifest, or keeps the manifest and loses the sidecar.
    await fileSystem.syncDirectory(directory);
    signal?.throwIfAborted();
    await fileSystem.rename(directory, layout.checkpoint(id));
    // The checkpoint itself: a sink that commits on it cannot take that back when it is lost.
    await fileSystem.syncDirectory(layout.directory);
    await this.#pointTo(id);
  }

  /** Replaces the manifest of a checkpoint that is there. Two syncs. */
  async replaceManifest(
    manifest: CheckpointManifest,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { fileSystem, layout } = this.ports;
    const temporary = this.#newName(manifestFile);
    const bytes = this.#serialize(manifest);
    // Before the rename: otherwise a power loss leaves an empty manifest where a good one was.
    await writeNewFile(fileSystem, temporary, bytes, { sync: true });
    signal?.throwIfAborted();
    await fileSystem.rename(temporary, layout.manifest(manifest.checkpointId));
    // Otherwise success is reported for statuses that a power loss takes back.
    await fileSystem.syncDirectory(layout.checkpoint(manifest.checkpointId));
  }

  /** Removes whole checkpoints and deletes their files. One sync for all: nothing orders them. */
  async remove(ids: readonly CheckpointId[]): Promise<void> {
    if (ids.length === 0) return;
    const { fileSystem, layout } = this.ports;
    // An earlier removal must be durable before the checkpoint that explained it is removed.
    if (this.#isRemovalUnsynced) await fileSystem.syncDirectory(layout.directory);
    this.#isRemovalUnsynced = true;
    const removed: string[] = [];
    for (const id of ids) {
      const directory = this.#newName(checkpointName(id));
      await fileSystem.rename(layout.checkpoint(id), directory);
      removed.push(directory);
    }
    // Before any file goes: otherwise a power loss brings the directory back without its files.
    await fileSystem.syncDirectory(layout.directory);
    this.#isRemovalUnsynced = false;
    for (const directory of removed) await this.#discard(directory);
  }

  /** Gives a checkpoint a name that no scan reads. Two renames, each fenced by one end in staging. */
  async quarantine(id: CheckpointId): Promise<void> {
    const { fileSystem, layout } = this.ports;
    const between = join(this.staging, quarantinedName(id));
    await fileSystem.rename(layout.checkpoint(id), between);
    await fileSystem.rename(between, layout.quarantined(id));
    await fileSystem.syncDirectory(layout.directory);
  }

  #serialize(manifest: CheckpointManifest): Uint8Array {
    return Buffer.from(serializeManifest(manifest, { maxBytes: this.ports.maxManifestBytes }));
  }

  /** A hint for people and for LaminarDB; we never read it, so it may fail and is never synced. */
  async #pointTo(id: number): Promise<void> {
    const { fileSystem, layout, logger } = this.ports;
    const temporary = this.#newName('latest.txt');
    try {
      const bytes = Buffer.from(checkpointName(id));
      await writeNewFile(fileSystem, temporary, bytes, { sync: false });
      await fileSystem.rename(temporary, layout.latestPointer);
    } catch (error) {
      logger.warn({ id, err: toError(error) }, 'could not write the latest pointer');
    }
  }

  async #discard(directory: string): Promise<void> {
    try {
      await removeTree(this.ports.fileSystem, directory);
    } catch (error) {
      this.ports.logger.warn({ path: directory, err: toError(error) }, 'could not delete');
    }
  }

  #newName(name: string): string {
    this.#nameCount += 1;
    return join(this.staging, `${name}.${this.#nameCount}`);
  }
}
