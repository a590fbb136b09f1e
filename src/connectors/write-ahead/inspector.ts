// The questions that recovery asks a write-ahead sink: staged is prepared, marked is committed.

import { join } from 'node:path';
import { TidegateError } from '../../errors.js';
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
import type { Applier } from './applier.js';
import { generationOfStaging, readStagedName, type WriteAheadLayout } from './layout.js';

export interface InspectorContext {
  readonly fileSystem: FileSystem;
  readonly layout: WriteAheadLayout;
  readonly identity: Omit<SinkOwner, 'generation'>;
  readonly applier: Pick<Applier<never>, 'isApplied' | 'lastApplied' | 'close'>;
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

  async inspect(
    { checkpointId, handle }: InspectRequest,
    options: CallOptions,
  ): Promise<Inspection> {
    const id = handle === undefined ? checkpointId : idOfHandle(this.#context.identity, handle);
    const staged = await this.staged();
    const isStaged = staged.some((epoch) => epoch.id === id);
    // Marker first, removal last: a crash in between leaves both, and the marker counts.
    if (await this.#context.applier.isApplied(id, options)) return 'committed';
    return isStaged ? 'prepared' : 'absent';
  }

  lastCommitted(options: CallOptions): Promise<CheckpointId | undefined> {
    return this.#context.applier.lastApplied(options);
  }

  async listPrepared(options: CallOptions): Promise<readonly PreparedListing[]> {
    const listed: PreparedListing[] = [];
    for (const { id, handle } of await this.staged()) {
      if (await this.#context.applier.isApplied(id, options)) continue;
      listed.push({ handle, checkpointId: id });
    }
    return listed;
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

export function handleOf({ pipeline, sink, generation }: SinkOwner, id: CheckpointId): string {
  return [encodeURIComponent(pipeline), encodeURIComponent(sink), generation, id].join('/');
}

/** @throws TidegateError for the handle of another sink. */
export function idOfHandle(
  { pipeline, sink }: Pick<SinkOwner, 'pipeline' | 'sink'>,
  handle: string,
): CheckpointId {
  const [first, second, , digits] = handle.split('/');
  const isOwn = first === encodeURIComponent(pipeline) && second === encodeURIComponent(sink);
  if (isOwn && /^[1-9]\d{0,15}$/.test(digits ?? '')) return Number(digits) as CheckpointId;
  throw new TidegateError(
    'TIDEGATE_WRITE_AHEAD_OPTIONS',
    `${JSON.stringify(handle.slice(0, 250))} is no handle of sink ${sink} of pipeline ${pipeline}`,
  );
}
