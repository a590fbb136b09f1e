// The questions that an object sink answers, for its owner and for those who only look.

import type {
  Inspection,
  InspectRequest,
  PreparedListing,
  SinkInspector,
} from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { TidegateError } from '../../errors.js';
import { checkpointId, type CheckpointId } from '../../ids.js';
import { checkIdentity, type SinkIdentity } from '../staging/sink-identity.js';
import { handleOf, idOfHandle, type EpochRecord } from './epoch-record.js';
import { epochIds, epochsBehind, readEpoch, type SeenEpoch } from './epochs.js';
import { asking, corrupt } from './objects-error.js';
import { nothingSettled, readState, type Settled } from './ownership.js';
import type { ObjectSinkPorts } from './ports.js';

export class ObjectSinkInspector implements SinkInspector {
  constructor(
    protected readonly ports: ObjectSinkPorts,
    protected readonly identity: SinkIdentity,
  ) {}

  async inspect(request: InspectRequest, { signal }: CallOptions): Promise<Inspection> {
    const { checkpointId: asked, handle } = request;
    const id = handle === undefined ? asked : this.idOf(handle);
    return this.asking(`looking for checkpoint ${id}`, signal, async () => {
      // One look: what is prepared and its marker are one object.
      const seen = await readEpoch(this.ports, id, signal);
      if (seen === undefined) return 'absent';
      this.requireOurs(seen.record, handle);
      if (seen.record.state === 'committed') return 'committed';
      return this.isPrepared(seen.record) ? 'prepared' : 'absent';
    });
  }

  lastCommitted({ signal }: CallOptions): Promise<CheckpointId | undefined> {
    return this.asking('looking for the newest commit', signal, async () => {
      const settled = await this.settled(signal);
      const ids = await epochIds(this.ports, settled.checkpointId, signal);
      for (const id of ids.reverse()) {
        const seen = await readEpoch(this.ports, id, signal);
        if (seen?.record.state === 'committed') return id;
      }
      return settled.lastCommitted === 0 ? undefined : checkpointId(settled.lastCommitted);
    });
  }

  listPrepared({ signal }: CallOptions): Promise<readonly PreparedListing[]> {
    return this.asking('listing what is prepared', signal, async () => {
      const prepared = await this.unsettled(signal);
      return prepared
        .filter(({ record }) => this.isPrepared(record))
        .map(({ record }) => ({
          handle: handleOf(record),
          checkpointId: record.checkpointId,
          preparedAtMs: record.preparedAtMs,
        }));
    });
  }

  /** For whoever only looks, also what its owner has not taken over yet. */
  protected isPrepared({ state }: EpochRecord): boolean {
    return state === 'prepared';
  }

  protected async settled(signal: AbortSignal): Promise<Settled> {
    const seen = await readState(this.ports, signal);
    checkIdentity({ layout: { directory: this.ports.address } }, seen?.state, this.identity);
    return seen?.state.settled ?? nothingSettled;
  }

  protected async unsettled(signal: AbortSignal): Promise<readonly SeenEpoch[]> {
    const { checkpointId: behind } = await this.settled(signal);
    const found = await epochsBehind(this.ports, behind, signal);
    for (const { record } of found) this.requireOurs(record);
    return found;
  }

  protected idOf(handle: string): CheckpointId {
    const { pipeline, sink } = this.identity;
    const id = idOfHandle(this.identity, handle);
    if (id !== undefined) return checkpointId(id);
    throw new TidegateError(
      'TIDEGATE_SINK_HANDLE',
      `${JSON.stringify(handle)} is not a handle of sink ${JSON.stringify(sink)} ` +
        `of pipeline ${JSON.stringify(pipeline)}`,
    );
  }

  /** @throws TidegateError for a record of another store, and for one that has not what was prepared. */
  protected requireOurs(record: EpochRecord, handle?: string): void {
    checkIdentity({ layout: { directory: this.ports.address } }, record, this.identity);
    if (handle === undefined || handleOf(record) === handle) return;
    throw corrupt(
      `${this.ports.address}: ${this.ports.layout.epoch(record.checkpointId)} is not what was ` +
        `prepared as ${handle}: it was replaced, or the store or the bucket was set back`,
    );
  }

  protected asking<Answer>(
    doing: string,
    signal: AbortSignal,
    ask: () => Promise<Answer>,
  ): Promise<Answer> {
    return asking(`${doing} at ${this.ports.address}`, signal, ask);
  }
}
