// Markers as empty files, for a wrapped sink that has no marker of its own.

import { join } from 'node:path';
import { TidegateError } from '../../errors.js';
import type { CheckpointId, Generation } from '../../ids.js';
import { errnoOf, type FileSystem } from '../../runtime/file-system.js';
import { namesIn, writeNewFile } from '../../runtime/small-files.js';
import { idOfMarkerName, markerDraftName, type WriteAheadLayout } from './layout.js';

/** More than any store retains. */
const markersKept = 1_000;

export class Markers {
  readonly #fileSystem: FileSystem;
  readonly #layout: WriteAheadLayout;

  constructor(fileSystem: FileSystem, layout: WriteAheadLayout) {
    this.#fileSystem = fileSystem;
    this.#layout = layout;
  }

  /** One rename out of the staging directory of `generation`: an overtaken owner marks nothing. */
  async add(generation: Generation, id: CheckpointId): Promise<void> {
    const draft = join(this.#layout.stagingOf(generation), markerDraftName(id));
    try {
      await writeNewFile(this.#fileSystem, draft, new Uint8Array(), { sync: true });
    } catch (error) {
      // Left by an earlier try.
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    await this.#fileSystem.rename(draft, this.#layout.marker(id));
    await this.#fileSystem.syncDirectory(this.#layout.applied);
  }

  /** @throws TidegateError for an id so old that its marker may have been pruned. */
  async has(id: CheckpointId): Promise<boolean> {
    const ids = await this.#all();
    if (ids.includes(id)) return true;
    const [oldest] = ids;
    if (oldest === undefined || ids.length < markersKept || id > oldest) return false;
    throw new TidegateError(
      'TIDEGATE_SINKS_UNSETTLED',
      `the marker of checkpoint ${id} may have been pruned: the oldest kept is ${oldest}`,
    );
  }

  async newest(): Promise<CheckpointId | undefined> {
    return (await this.#all()).at(-1);
  }

  async prune(): Promise<void> {
    const ids = await this.#all();
    for (const id of ids.slice(0, Math.max(0, ids.length - markersKept))) {
      await this.#fileSystem.removeFile(this.#layout.marker(id));
    }
  }

  async #all(): Promise<readonly CheckpointId[]> {
    const entries = await namesIn(this.#fileSystem, this.#layout.applied);
    return entries
      .map(idOfMarkerName)
      .filter((id) => id !== undefined)
      .sort((left, right) => left - right);
  }
}
