// The durable half of a simulated sink: what the system behind it remembers across crashes.

import type { CheckpointId, Generation, StoreId } from '../../../ids.js';
import { TidegateError } from '../../../errors.js';
import type { Durability, PreparedListing, SinkOwner } from '../../../contracts/sink.js';

/** Records that became visible together; without an id they were flushed, not committed. */
export interface VisibleEpoch {
  readonly checkpointId?: CheckpointId;
  readonly generation: Generation;
  readonly records: readonly unknown[];
}

export interface PreparedEpoch {
  readonly checkpointId: CheckpointId;
  readonly generation: Generation;
  readonly records: readonly unknown[];
}

/** What outlives the process. Only the sessions of the newest generation may change it. */
export class SinkStorage {
  readonly name: string;
  readonly durability: Durability;
  /** In the order in which they became visible. */
  readonly visible: VisibleEpoch[] = [];
  /** One marker per committed checkpoint id, with the store that it belongs to. */
  readonly markers = new Map<CheckpointId, StoreId>();
  /** By handle. */
  readonly prepared = new Map<string, PreparedEpoch>();
  /** What the open session has prepared, in the memory of a connection. */
  #volatile = new Map<string, PreparedEpoch>();
  #storeId: StoreId | undefined;
  #generation = 0;

  constructor(name: string, durability: Durability) {
    this.name = name;
    this.durability = durability;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Raises the generation: from here on no call of an older session takes effect. */
  fence(owner: SinkOwner): void {
    this.assertStore(owner.storeId, owner.pipeline);
    if (owner.generation <= this.#generation) {
      throw fenced(this.name, owner.generation, this.#generation);
    }
    this.#storeId = owner.storeId;
    this.#generation = owner.generation;
  }

  assertStore(storeId: StoreId, pipeline: string): void {
    if (this.#storeId === undefined || this.#storeId === storeId) return;
    throw new TidegateError(
      'TIDEGATE_SINK_STORE',
      `sink "${this.name}" holds output of pipeline "${pipeline}" from store ${this.#storeId}, ` +
        `and was opened for store ${storeId}`,
      { details: { sink: this.name, remembered: this.#storeId, given: storeId } },
    );
  }

  assertCurrent(generation: Generation): void {
    if (generation !== this.#generation) throw fenced(this.name, generation, this.#generation);
  }

  /** Data and marker in one step, as one transaction does it. */
  commit(epoch: PreparedEpoch, storeId: StoreId): void {
    const { checkpointId, generation, records } = epoch;
    this.visible.push({ checkpointId, generation, records });
    this.markers.set(checkpointId, storeId);
  }

  lastCommitted(): CheckpointId | undefined {
    let newest: CheckpointId | undefined;
    for (const id of this.markers.keys()) if (newest === undefined || id > newest) newest = id;
    return newest;
  }

  listPrepared(): readonly PreparedListing[] {
    return [...this.prepared].map(([handle, { checkpointId }]) => ({ handle, checkpointId }));
  }

  /** Where a new session keeps what it prepares; what an older one kept is gone. */
  openSession(): Map<string, PreparedEpoch> {
    this.#volatile = new Map();
    return this.durability === 'durable' ? this.prepared : this.#volatile;
  }

  /** A connection breaks: what was prepared in it is aborted. */
  loseVolatile(): void {
    this.#volatile.clear();
  }

  /** As a backup has it that was made so many commits ago; its fence stays, its processes are dead. */
  setBack(commits: number): void {
    const ids = [...this.markers.keys()].sort((left, right) => left - right).slice(-commits);
    for (const id of ids) {
      this.markers.delete(id);
      const index = this.visible.findIndex(({ checkpointId }) => checkpointId === id);
      if (index >= 0) this.visible.splice(index, 1);
    }
    this.prepared.clear();
    this.#volatile.clear();
  }

  /** Everything prepared is given up by the system behind the sink, after its own time limit. */
  expire(): void {
    this.prepared.clear();
  }
}

function fenced(sink: string, given: number, newest: number): TidegateError {
  return new TidegateError(
    'TIDEGATE_FENCED',
    `sink "${sink}" was opened by generation ${newest}; generation ${given} is fenced`,
    { details: { sink, generation: given, newest } },
  );
}
