// A simulated two-phase sink of any class: what survives a crash is in its storage, the rest is not.

import { TidegateError } from '../../../errors.js';
import type { CheckpointId } from '../../../ids.js';
import type {
  CommitOutcome,
  Inspection,
  InspectRequest,
  PreCommitRequest,
  Prepared,
  PreparedListing,
  RollbackOutcome,
  RollbackRequest,
  SinkInspector,
  SinkOwner,
  TwoPhaseSink,
  TwoPhaseSinkSession,
} from '../../../contracts/sink.js';
import type { CallOptions } from '../../../contracts/source.js';
import type { Port } from '../port.js';
import type { PreparedEpoch, SinkStorage } from './storage.js';

/** The sink as one life sees it; the storage is shared by all lives. */
export function simulatedTwoPhaseSink(storage: SinkStorage, port: Port): TwoPhaseSink {
  const { durability } = storage;
  if (durability === 'idempotent' || durability === 'at-least-once') {
    throw new TypeError(`${durability} is not a durability of two phases`);
  }
  return {
    durability,
    maxPrepared: 8,
    open: (owner, options) =>
      port.durable('open', options, () => {
        storage.fence(owner);
        return new Session(storage, owner, port);
      }),
    openReadOnly: (identity, options) =>
      port.answer('open read-only', options, () => {
        storage.assertStore(identity.storeId, identity.pipeline);
        return new Inspector(storage, port);
      }),
  };
}

class Inspector implements SinkInspector {
  protected readonly storage: SinkStorage;
  protected readonly port: Port;

  constructor(storage: SinkStorage, port: Port) {
    this.storage = storage;
    this.port = port;
  }

  inspect(request: InspectRequest, options: CallOptions): Promise<Inspection> {
    return this.port.answer('inspect', options, () => {
      this.assertAllowed();
      if (this.findPrepared(request) !== undefined) return 'prepared';
      return this.storage.markers.has(request.checkpointId) ? 'committed' : 'absent';
    });
  }

  lastCommitted(options: CallOptions): Promise<CheckpointId | undefined> {
    return this.port.answer('last committed', options, () => {
      this.assertAllowed();
      return this.storage.lastCommitted();
    });
  }

  listPrepared(options: CallOptions): Promise<readonly PreparedListing[]> {
    return this.port.answer('list prepared', options, () => {
      this.assertAllowed();
      return this.storage.listPrepared();
    });
  }

  protected assertAllowed(): void {
    // Every session may read; one that writes checks its generation here.
  }

  protected findPrepared({ checkpointId, handle }: InspectRequest): PreparedEpoch | undefined {
    if (handle !== undefined) return this.storage.prepared.get(handle);
    return [...this.storage.prepared.values()].find((epoch) => epoch.checkpointId === checkpointId);
  }
}

class Session extends Inspector implements TwoPhaseSinkSession {
  readonly #owner: SinkOwner;
  /** What was prepared: in the storage when it survives a crash, else in this session's memory. */
  readonly #prepared: Map<string, PreparedEpoch>;
  #open: unknown[] = [];
  #writeError: unknown;

  constructor(storage: SinkStorage, owner: SinkOwner, port: Port) {
    super(storage, port);
    this.#owner = owner;
    this.#prepared = storage.openSession();
  }

  async write(records: readonly unknown[]): Promise<void> {
    // The failure is remembered until the next generation: its epoch has a hole.
    try {
      await this.port.memory('write', () => {
        this.#open.push(...records);
      });
    } catch (error) {
      this.#writeError = error;
      throw error;
    }
  }

  preCommit(request: PreCommitRequest, options: CallOptions): Promise<Prepared> {
    return this.port.durable('pre-commit', options, () => {
      this.assertAllowed();
      this.#assertComplete();
      const handle = this.#handleOf(request.checkpointId);
      this.#prepare(handle, request.checkpointId);
      return { handle };
    });
  }

  commit(handle: string, options: CallOptions): Promise<CommitOutcome> {
    return this.port.durable('commit', options, () => {
      this.assertAllowed();
      const epoch = this.#prepared.get(handle);
      if (epoch === undefined) {
        return this.storage.markers.has(checkpointIdOf(handle)) ? 'already-applied' : 'absent';
      }
      this.storage.commit(epoch, this.#owner.storeId);
      this.#prepared.delete(handle);
      return 'applied';
    });
  }

  rollback(
    { keep }: RollbackRequest,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, RollbackOutcome>> {
    return this.port.durable('roll back', options, () => {
      this.assertAllowed();
      const outcomes = new Map<string, RollbackOutcome>();
      for (const handle of [...this.#prepared.keys()]) {
        if (keep.includes(handle)) continue;
        this.#prepared.delete(handle);
        outcomes.set(handle, 'rolled-back');
      }
      return outcomes;
    });
  }

  protected override assertAllowed(): void {
    this.storage.assertCurrent(this.#owner.generation);
  }

  protected override findPrepared(request: InspectRequest): PreparedEpoch | undefined {
    if (this.#prepared === this.storage.prepared) return super.findPrepared(request);
    return this.#prepared.get(request.handle ?? this.#handleOf(request.checkpointId));
  }

  #prepare(handle: string, checkpointId: CheckpointId): void {
    if (this.#prepared.has(handle)) return;
    const records = this.#open;
    this.#open = [];
    const { generation } = this.#owner;
    this.#prepared.set(handle, { checkpointId, generation, records });
  }

  #assertComplete(): void {
    if (this.#writeError === undefined) return;
    throw new TidegateError(
      'TIDEGATE_SINK_WRITE_FAILED',
      `sink "${this.storage.name}" lost records of this epoch when a write failed`,
      { cause: this.#writeError },
    );
  }

  #handleOf(checkpointId: CheckpointId): string {
    const { pipeline, sink, generation } = this.#owner;
    return [pipeline, sink, generation, checkpointId].join('/');
  }
}

function checkpointIdOf(handle: string): CheckpointId {
  return Number(handle.slice(handle.lastIndexOf('/') + 1)) as CheckpointId;
}
