// The questions that a file sink answers, for its owner and for those who only look.

import type {
  Inspection,
  InspectRequest,
  PreparedListing,
  SinkInspector,
} from '../../../contracts/sink.js';
import type { CallOptions } from '../../../contracts/source.js';
import { accessWarnings } from '../../../durable-directory/access.js';
import type { CheckpointId } from '../../../ids.js';
import { unlessMissing } from '../../../runtime/small-files.js';
import { toFilesError } from '../files-error.js';
import { handleOf, idOfHandle } from '../../staging/handle.js';
import type { SinkIdentity } from '../../staging/sink-identity.js';
import { isCommitted, newestCommitted } from '../../staging/marker-files.js';
import type { FileSinkPorts } from './layout.js';
import { wholePrepared, type FoundPrepared } from './prepared.js';

export class FileSinkInspector implements SinkInspector {
  protected readonly ports: FileSinkPorts;
  protected readonly identity: SinkIdentity;

  constructor(ports: FileSinkPorts, identity: SinkIdentity) {
    this.ports = ports;
    this.identity = identity;
  }

  async inspect(request: InspectRequest, { signal }: CallOptions): Promise<Inspection> {
    signal.throwIfAborted();
    const { checkpointId, handle } = request;
    const id = handle === undefined ? checkpointId : idOfHandle(this.identity, handle);
    return this.asking(`looking for checkpoint ${id}`, async () => {
      const prepared = await this.findPrepared();
      if (prepared.some((found) => found.id === id)) return 'prepared';
      // The marker second: a commit between the two looks is seen.
      return (await isCommitted(this.ports, id)) ? 'committed' : 'absent';
    });
  }

  lastCommitted({ signal }: CallOptions): Promise<CheckpointId | undefined> {
    signal.throwIfAborted();
    return this.asking('looking for the newest commit', () => newestCommitted(this.ports));
  }

  listPrepared({ signal }: CallOptions): Promise<readonly PreparedListing[]> {
    signal.throwIfAborted();
    return this.asking('listing what is prepared', async () => {
      const listed: PreparedListing[] = [];
      for (const { id, generation, path } of await this.findPrepared()) {
        const facts = await unlessMissing(this.ports.fileSystem.stat(path));
        // Committed or discarded since it was found.
        if (facts === undefined) continue;
        const handle = handleOf({ ...this.identity, generation }, id);
        listed.push({ handle, checkpointId: id, preparedAtMs: Math.trunc(facts.modifiedMs) });
      }
      return listed;
    });
  }

  warnings({ signal }: CallOptions): Promise<readonly string[]> {
    signal.throwIfAborted();
    const { fileSystem, layout } = this.ports;
    return this.asking('looking at the directory', () =>
      accessWarnings(fileSystem, [layout.directory, layout.ownFolder]),
    );
  }

  /** In all generations: a read-only opening has moved nothing. */
  protected findPrepared(): Promise<readonly FoundPrepared[]> {
    return wholePrepared(this.ports, this.ports.layout.ownFolder);
  }

  protected async asking<Answer>(doing: string, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask();
    } catch (error) {
      throw toFilesError(error, `${doing} in ${this.ports.layout.directory}`);
    }
  }
}
