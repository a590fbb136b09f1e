// The questions that recovery asks a write-ahead sink: staged is prepared, marked is committed.

import { join } from 'node:path';
import { accessWarnings } from '../../durable-directory/access.js';
import type { CheckpointId } from '../../ids.js';
import type {
  Inspection,
  InspectRequest,
  PreparedListing,
  SinkInspector,
  SinkOwner,
} from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import type { FileSystem } from '../../runtime/file-system.js';
import { namesIn } from '../../runtime/small-files.js';
import { handleOf, idOfHandle, readHandle } from '../staging/handle.js';
import type { MarkerReader } from './applier.js';
import { generationOfStaging, readStagedName, type WriteAheadLayout } from './layout.js';

export interface InspectorContext {
  readonly fileSystem: FileSystem;
  readonly layout: WriteAheadLayout;
  readonly identity: Omit<SinkOwner, 'generation'>;
  readonly applier: MarkerReader;
}

export interface StagedEpoch {
  readonly id: CheckpointId;
  readonly handle: string;
  readonly path: string;
}

export class WriteAheadInspector implements SinkInspector {
  readonly #context: InspectorContext;

  constructor(context: InspectorContext) {
    this.#context = context;
  }

  async inspect(request: InspectRequest, options: CallOptions): Promise<Inspection> {
    const { identity, applier } = this.#context;
    const { checkpointId, handle } = request;
    if (applier.left !== undefined && this.isOfWrapped(handle)) {
      return applier.left.inspect(request, options);
    }
    const id = handle === undefined ? checkpointId : idOfHandle(identity, handle);
    const staged = await this.staged();
    const isPrepared =
      staged.some((epoch) => epoch.id === id) || (await this.left(id, options)) !== undefined;
    // Marker first, removal last: a crash in between leaves both, and the marker counts.
    if (await applier.isApplied(id, options)) return 'committed';
    return isPrepared ? 'prepared' : 'absent';
  }

  lastCommitted(options: CallOptions): Promise<CheckpointId | undefined> {
    return this.#context.applier.lastApplied(options);
  }

  async listPrepared(options: CallOptions): Promise<readonly PreparedListing[]> {
    const { applier } = this.#context;
    const listed: PreparedListing[] = [];
    for (const { id, handle } of await this.staged()) {
      if (await applier.isApplied(id, options)) continue;
      listed.push({ handle, checkpointId: id });
    }
    const left = (await applier.left?.listPrepared(options)) ?? [];
    return [...listed, ...left];
  }

  async warnings(options: CallOptions): Promise<readonly string[]> {
    const { fileSystem, layout, applier } = this.#context;
    const own = await accessWarnings(fileSystem, [layout.directory, layout.staging]);
    return [...own, ...((await applier.left?.warnings?.(options)) ?? [])];
  }

  /** A handle that the wrapped sink gave when it was used unwrapped, and wrote otherwise. */
  protected isOfWrapped(handle: string | undefined): boolean {
    return handle !== undefined && readHandle(this.#context.identity, handle) === undefined;
  }

  /** What the wrapped sink has prepared itself under this id. */
  protected async left(
    id: CheckpointId,
    options: CallOptions,
  ): Promise<PreparedListing | undefined> {
    const left = (await this.#context.applier.left?.listPrepared(options)) ?? [];
    return left.find(({ checkpointId }) => checkpointId === id);
  }

  async close(): Promise<void> {
    await this.#context.applier.close();
  }

  /** Everything that lies staged, by whatever generation. */
  protected async staged(): Promise<readonly StagedEpoch[]> {
    const { fileSystem, layout, identity } = this.#context;
    const found: StagedEpoch[] = [];
    for (const place of await this.#places(layout.staging)) {
      for (const name of await namesIn(fileSystem, place)) {
        const staged = readStagedName(name);
        if (staged === undefined) continue;
        const { generation, id } = staged;
        found.push({
          id,
          handle: handleOf({ ...identity, generation }, id),
          path: join(place, name),
        });
      }
    }
    return found.sort((left, right) => left.id - right.id);
  }

  /** Where this one may look for what is staged; an owner only at home, see the layout. */
  protected readonly home: string | undefined;

  async #places(folder: string): Promise<readonly string[]> {
    if (this.home !== undefined) return [this.home];
    const places: string[] = [];
    for (const name of await namesIn(this.#context.fileSystem, folder)) {
      if (generationOfStaging(name) === undefined) continue;
      const place = join(folder, name);
      places.push(place, ...(await this.#places(place)));
    }
    return places;
  }
}
