// Markers as empty files and a ledger, for a wrapped sink that has no marker of its own.

import { join } from 'node:path';
import type { CheckpointId } from '../../ids.js';
import { errnoOf, type FileSystem } from '../../runtime/file-system.js';
import { writeNewFile } from '../../runtime/small-files.js';
import { isCommitted, newestCommitted } from '../staging/marker-files.js';
import { markerDraftName, type WriteAheadLayout } from './layout.js';

export interface MarkersPorts {
  readonly fileSystem: FileSystem;
  readonly layout: WriteAheadLayout;
}

export class Markers {
  readonly #ports: MarkersPorts;
  /** Visible, and not known to be durable: a sync has failed or is still to come. */
  readonly #unsynced = new Set<CheckpointId>();

  constructor(ports: MarkersPorts) {
    this.#ports = ports;
  }

  /** One rename out of the owner's staging directory: an overtaken owner marks nothing. */
  async add(staging: string, id: CheckpointId): Promise<void> {
    const { fileSystem, layout } = this.#ports;
    const draft = join(staging, markerDraftName(id));
    try {
      await writeNewFile(fileSystem, draft, new Uint8Array(), { sync: true });
    } catch (error) {
      // Left by an earlier try.
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    this.#unsynced.add(id);
    await fileSystem.rename(draft, layout.marker(id));
    await this.#sync(id);
  }

  /** No id is ever forgotten, and what is answered here does not vanish when the power fails. */
  async has(id: CheckpointId): Promise<boolean> {
    if (!(await isCommitted(this.#ports, id))) return false;
    if (this.#unsynced.has(id)) await this.#sync(id);
    return true;
  }

  async newest(): Promise<CheckpointId | undefined> {
    const newest = await newestCommitted(this.#ports);
    if (newest !== undefined && this.#unsynced.has(newest)) await this.#sync(newest);
    return newest;
  }

  async #sync(id: CheckpointId): Promise<void> {
    const { fileSystem, layout } = this.#ports;
    await fileSystem.syncDirectory(layout.committed);
    this.#unsynced.delete(id);
  }
}
