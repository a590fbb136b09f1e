// A sink that keeps its records in memory, with every promise of a durable one but durability itself.

import { TidegateError } from '../../errors.js';
import { checkpointId, type CheckpointId, type StoreId } from '../../ids.js';
import { requireRecords } from '../../contracts/records.js';
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
} from '../../contracts/sink.js';
import { IdRanges } from './id-ranges.js';

interface PreparedRecords<Rec> {
  readonly checkpointId: CheckpointId;
  readonly records: readonly Rec[];
}

/**
 * A durable sink that keeps its records in memory, for tests and examples. It lives as long as the
 * object, through any number of runs: a restart, in a test, is another run with the same sink.
 */
export function memorySink<Rec = unknown>(): MemorySink<Rec> {
  return new MemoryRecordSink<Rec>();
}

/** What `memorySink` makes. */
export interface MemorySink<Rec = unknown> extends TwoPhaseSink<Rec> {
  readonly durability: 'durable';
  open(owner: SinkOwner): Promise<TwoPhaseSinkSession<Rec>>;
  openReadOnly(identity: Omit<SinkOwner, 'generation'>): Promise<SinkInspector>;
  /** Committed records, in order. */
  readonly records: readonly Rec[];
}

class MemoryRecordSink<Rec> implements MemorySink<Rec> {
  readonly durability = 'durable';
  readonly maxPrepared = 1_024;
  readonly #committed: Rec[] = [];
  readonly #prepared = new Map<string, PreparedRecords<Rec>>();
  readonly #markers = new IdRanges();
  #storeId: StoreId | undefined;
  #generation = 0;

  get records(): readonly Rec[] {
    return this.#committed;
  }

  // Methods of the interface may throw at once: an async function makes a rejection of it.
  async open(owner: SinkOwner): Promise<TwoPhaseSinkSession<Rec>> {
    this.#assertStore(owner);
    if (owner.generation <= this.#generation) throw fenced(owner, this.#generation);
    this.#storeId = owner.storeId;
    this.#generation = owner.generation;
    return Promise.resolve(this.#session(owner));
  }

  async openReadOnly(identity: Omit<SinkOwner, 'generation'>): Promise<SinkInspector> {
    this.#assertStore(identity);
    return Promise.resolve(this.#inspector(() => undefined));
  }

  #session(owner: SinkOwner): TwoPhaseSinkSession<Rec> {
    const assertCurrent = (): void => {
      if (owner.generation !== this.#generation) throw fenced(owner, this.#generation);
    };
    let open: Rec[] = [];
    const prepare = (checkpointId: CheckpointId): Prepared => {
      const handle = handleOf(owner, checkpointId);
      if (!this.#prepared.has(handle) && !this.#markers.has(checkpointId)) {
        this.#prepared.set(handle, { checkpointId, records: open });
        open = [];
      }
      return { handle };
    };
    return {
      ...this.#inspector(assertCurrent),
      write: (records) => {
        assertCurrent();
        requireRecords(owner.sink, records);
        // Not spread: each record would be an argument, and a call takes only so many.
        for (const record of records) open.push(record);
      },
      preCommit: (request: PreCommitRequest) =>
        attempt(assertCurrent, () => prepare(request.checkpointId)),
      commit: (handle) => attempt(assertCurrent, () => this.#commit(handle)),
      rollback: (request) => attempt(assertCurrent, () => this.#rollback(request)),
    };
  }

  #inspector(assertAllowed: () => void): SinkInspector {
    return {
      inspect: (request) => attempt(assertAllowed, () => this.#inspect(request)),
      lastCommitted: () => attempt(assertAllowed, () => newestOf(this.#markers)),
      listPrepared: () => attempt(assertAllowed, () => this.#list()),
    };
  }

  /** Data and marker in one step. */
  #commit(handle: string): CommitOutcome {
    const prepared = this.#prepared.get(handle);
    if (prepared === undefined) {
      return this.#markers.has(checkpointIdIn(handle)) ? 'already-applied' : 'absent';
    }
    for (const record of prepared.records) this.#committed.push(record);
    this.#markers.add(prepared.checkpointId);
    this.#prepared.delete(handle);
    return 'applied';
  }

  #rollback({ keep }: RollbackRequest): ReadonlyMap<string, RollbackOutcome> {
    const outcomes = new Map<string, RollbackOutcome>();
    for (const handle of [...this.#prepared.keys()]) {
      if (keep.includes(handle)) continue;
      this.#prepared.delete(handle);
      outcomes.set(handle, 'rolled-back');
    }
    return outcomes;
  }

  #inspect({ checkpointId, handle }: InspectRequest): Inspection {
    const isPrepared =
      handle === undefined
        ? this.#list().some((listing) => listing.checkpointId === checkpointId)
        : this.#prepared.has(handle);
    if (isPrepared) return 'prepared';
    return this.#markers.has(checkpointId) ? 'committed' : 'absent';
  }

  #list(): readonly PreparedListing[] {
    return [...this.#prepared].map(([handle, { checkpointId }]) => ({ handle, checkpointId }));
  }

  #assertStore({ storeId, sink, pipeline }: Omit<SinkOwner, 'generation'>): void {
    if (this.#storeId === undefined || this.#storeId === storeId) return;
    throw new TidegateError(
      'TIDEGATE_SINK_STORE',
      `sink ${sink} holds output of pipeline ${pipeline} from store ${this.#storeId}, ` +
        `and was opened for store ${storeId}`,
      { details: { sink, remembered: this.#storeId, given: storeId } },
    );
  }
}

async function attempt<Answer>(assertAllowed: () => void, work: () => Answer): Promise<Answer> {
  assertAllowed();
  return Promise.resolve(work());
}

function handleOf({ pipeline, sink, generation }: SinkOwner, checkpointId: CheckpointId): string {
  return [pipeline, sink, generation, checkpointId].join('/');
}

function checkpointIdIn(handle: string): CheckpointId {
  return Number(handle.slice(handle.lastIndexOf('/') + 1)) as CheckpointId;
}

function newestOf({ highest }: IdRanges): CheckpointId | undefined {
  return highest === undefined ? undefined : checkpointId(highest);
}

function fenced({ sink, generation }: SinkOwner, newest: number): TidegateError {
  return new TidegateError(
    'TIDEGATE_FENCED',
    `sink ${sink} was opened by generation ${newest}; generation ${generation} is fenced`,
    { details: { sink, generation, newest } },
  );
}
