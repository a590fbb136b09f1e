// An object sink in the hands of one generation: write, pre-commit, commit, roll back.

import { assert } from '../../assert.js';
import { requireRecords } from '../../contracts/records.js';
import type {
  CommitOutcome,
  Inspection,
  InspectRequest,
  PreCommitRequest,
  Prepared,
  RollbackOutcome,
  RollbackRequest,
  SinkOwner,
  TwoPhaseSinkSession,
} from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { TidegateError, toError } from '../../errors.js';
import type { CheckpointId } from '../../ids.js';
import { orAborted, sharedAbort } from '../../runtime/abort.js';
import { forEachBounded } from '../../runtime/for-each-bounded.js';
import { drawHex } from '../../store/object/ports.js';
import { encoded } from '../staging/staged-output.js';
import { throwIfIncomplete } from '../incomplete-epoch.js';
import { handleOf, type EpochRecord, type EpochState } from './epoch-record.js';
import { concurrency, readEpoch, writeEpoch, type SeenEpoch } from './epochs.js';
import { ObjectSinkInspector } from './inspector.js';
import { partName } from './layout.js';
import { corrupt, fenced, toObjectsError } from './objects-error.js';
import { OpenEpoch, type OutputSizes } from './open-epoch.js';
import { recordLost, type TakenSink } from './opening.js';
import { replaceState, requireCurrent, type SeenState, type Settled } from './ownership.js';
import type { ObjectSinkPorts } from './ports.js';
import { clear, publish, requireWhole } from './publishing.js';
import { Settling } from './settling.js';

export interface SessionOptions<Rec> extends OutputSizes {
  readonly owner: SinkOwner;
  readonly encode: (record: Rec) => string | Uint8Array;
  readonly extension: string;
}

const closeTimeoutMs = 2_000;

export class ObjectSinkSession<Rec>
  extends ObjectSinkInspector
  implements TwoPhaseSinkSession<Rec>
{
  readonly #options: SessionOptions<Rec>;
  readonly #nonce: string;
  readonly #closing = sharedAbort();
  readonly #settling: Settling;
  #claimed: SeenState;
  #open: OpenEpoch | undefined;
  #nameCount = 0;
  /** Why the open epoch can never be committed: it lost a record, or may have. */
  #broken: Error | undefined;
  /** Prepared epochs as they were seen last, which saves a read at their commit. */
  readonly #held = new Map<CheckpointId, SeenEpoch>();
  readonly #prepared = new Map<CheckpointId, Prepared>();

  constructor(ports: ObjectSinkPorts, taken: TakenSink, options: SessionOptions<Rec>) {
    super(ports, options.owner);
    this.#options = options;
    this.#nonce = drawHex(ports.random, 4);
    this.#claimed = taken.claimed;
    this.#settling = new Settling(taken.claimed.state.settled);
    for (const seen of taken.epochs) {
      const { state, checkpointId } = seen.record;
      if (state === 'prepared') {
        this.#settling.prepare(checkpointId);
        this.#held.set(checkpointId, seen);
      } else if (state === 'committed') this.#settling.finish(seen.record);
    }
  }

  async write(records: readonly Rec[]): Promise<void> {
    const { owner } = this.#options;
    throwIfIncomplete(owner.sink, this.#broken);
    try {
      requireRecords(owner.sink, records);
      for (const record of records) {
        this.#open ??= this.#newEpoch();
        const bytes = this.#encoded(record);
        await this.#open.add(bytes).catch((error: unknown) => {
          throw toObjectsError(error, `writing records to ${this.ports.address}`);
        });
      }
    } catch (error) {
      this.#broken = toError(error);
      throw error;
    }
  }

  async preCommit(request: PreCommitRequest, { signal }: CallOptions): Promise<Prepared> {
    const { owner } = this.#options;
    const { checkpointId: id, epoch, generation } = request;
    assert(generation === owner.generation, `a pre-commit of generation ${generation}`);
    const known = this.#prepared.get(id);
    if (known !== undefined) return known;
    throwIfIncomplete(owner.sink, this.#broken);
    const open = this.#open;
    this.#open = undefined;
    try {
      return await this.asking(`pre-committing checkpoint ${id}`, signal, async () => {
        const objects = open === undefined ? [] : await orAborted(open.finish(), signal);
        const preparedAtMs = Math.trunc(this.ports.clock.now());
        const { storeId, pipeline, sink } = owner;
        const identity = { storeId, pipeline, sink, generation, checkpointId: id, epoch };
        const record = { ...identity, preparedAtMs, holder: generation, objects } as const;
        return this.#prepare({ state: 'prepared', ...record }, signal);
      });
    } catch (error) {
      // Crash-only: after half a pre-commit nothing is known but what the next owner will find.
      this.#broken = toError(error);
      throw error;
    }
  }

  async verify(handle: string, { signal }: CallOptions): Promise<void> {
    const id = this.idOf(handle);
    await this.asking(`verifying checkpoint ${id}`, signal, async () => {
      const seen = await readEpoch(this.ports, id, signal);
      if (seen === undefined || !this.isPrepared(seen.record)) return;
      this.requireOurs(seen.record, handle);
      await requireWhole(this.ports, seen.record, signal);
    });
  }

  async commit(handle: string, { signal }: CallOptions): Promise<CommitOutcome> {
    const id = this.idOf(handle);
    return this.asking(`committing checkpoint ${id}`, signal, async () => {
      const seen = this.#held.get(id) ?? (await readEpoch(this.ports, id, signal));
      this.#held.delete(id);
      if (seen !== undefined) this.requireOurs(seen.record, handle);
      const isOpen = seen !== undefined && this.isPrepared(seen.record);
      if (isOpen) await requireWhole(this.ports, seen.record, signal);
      const decided = isOpen ? await this.#decide(seen, 'committed', signal) : seen;
      if (decided?.record.state !== 'committed') {
        await requireCurrent(this.ports, this.#claimed.state, signal);
        return 'absent';
      }
      await publish(this.ports, decided.record, signal);
      await this.#finish([decided.record], signal);
      for (const older of this.#prepared.keys()) if (older < id) this.#prepared.delete(older);
      return isOpen && decided.record.holder === this.#generation ? 'applied' : 'already-applied';
    });
  }

  override async inspect(request: InspectRequest, options: CallOptions): Promise<Inspection> {
    const answer = await super.inspect(request, options);
    // Nothing found is only an answer of the current owner.
    if (answer === 'absent') await this.#requireCurrent(options.signal);
    return answer;
  }

  async rollback(
    { keep }: RollbackRequest,
    { signal }: CallOptions,
  ): Promise<ReadonlyMap<string, RollbackOutcome>> {
    const kept = new Set(keep.map((handle) => this.idOf(handle)));
    const outcomes = new Map<string, RollbackOutcome>();
    return this.asking('rolling back', signal, async () => {
      const finished: EpochRecord[] = [];
      const found = await this.unsettled(signal);
      const doomed = found.filter(({ record: { state, checkpointId } }) => {
        return state !== 'committed' && !kept.has(checkpointId);
      });
      await forEachBounded(doomed, { concurrency, signal }, async (seen) => {
        // The decision first: an upload that is gone can no longer be committed.
        const { record } = await this.#decide(seen, 'discarded', signal);
        const isCommitted = record.state === 'committed';
        await (isCommitted ? publish : clear)(this.ports, record, signal);
        this.#held.delete(record.checkpointId);
        finished.push(record);
        if (seen.record.state === 'discarded') return;
        outcomes.set(handleOf(record), isCommitted ? 'committed' : 'rolled-back');
      });
      await requireCurrent(this.ports, this.#claimed.state, signal);
      await this.#finish(finished, signal);
      return outcomes;
    });
  }

  async close(): Promise<void> {
    this.#broken ??= new Error('the session is closed');
    this.#closing.abort(new Error('the session is closed'));
    await this.#open?.abandon(AbortSignal.timeout(closeTimeoutMs));
    this.#open = undefined;
  }

  /** What a late request of an older owner prepares is not ours to commit; a roll back discards it. */
  protected override isPrepared({ state, holder }: EpochRecord): boolean {
    if (state === 'prepared' && holder > this.#generation) {
      throw fenced(this.ports.address, this.#generation, holder);
    }
    return state === 'prepared' && holder === this.#generation;
  }

  protected override settled(): Promise<Settled> {
    return Promise.resolve(this.#settling.settled);
  }

  get #generation(): number {
    return this.#options.owner.generation;
  }

  async #prepare(record: Omit<EpochRecord, 'nonce'>, signal: AbortSignal): Promise<Prepared> {
    const { checkpointId: id } = record;
    this.#settling.prepare(id);
    const { isOurs, seen } = await writeEpoch(this.ports, undefined, record, signal);
    if (!isOurs || seen === undefined) {
      throw corrupt(`checkpoint ${id} was used before: the store of its manifests was set back`);
    }
    // Behind the record: an owner that comes later sees it, or we see that owner here.
    await requireCurrent(this.ports, this.#claimed.state, signal);
    const prepared = { handle: handleOf(seen.record) };
    this.#held.set(id, seen);
    this.#prepared.set(id, prepared);
    return prepared;
  }

  /** The commit point, and that of a roll back: one conditional PUT of the epoch's record. */
  async #decide(found: SeenEpoch, state: EpochState, signal: AbortSignal): Promise<SeenEpoch> {
    for (let seen = found; ;) {
      const { record } = seen;
      if (record.state !== 'prepared') return seen;
      if (record.holder > this.#generation) {
        throw fenced(this.ports.address, this.#generation, record.holder);
      }
      const next = { ...record, state, holder: this.#generation };
      const written = await writeEpoch(this.ports, seen, next, signal);
      if (written.seen === undefined) throw recordLost(this.ports, record);
      if (written.isOurs) return written.seen;
      seen = written.seen;
    }
  }

  /** A failure to write down what is settled costs a later opening some requests. */
  async #finish(records: readonly EpochRecord[], signal: AbortSignal): Promise<void> {
    for (const record of records) this.#settling.finish(record);
    const settled = this.#settling.due();
    if (settled === undefined) return;
    try {
      const next = { ...this.#claimed.state, settled };
      const replaced = await replaceState(this.ports, this.#claimed, next, signal);
      // An earlier try may have taken effect late: go on from there.
      this.#claimed = replaced ?? (await requireCurrent(this.ports, next, signal));
    } catch (error) {
      this.ports.logger.warn({ err: toError(error) }, 'could not note which epochs are settled');
    }
  }

  #newEpoch(): OpenEpoch {
    const { owner, extension } = this.#options;
    const newName = (): string => {
      this.#nameCount += 1;
      return partName(owner.generation, this.#nameCount, this.#nonce, extension);
    };
    return new OpenEpoch(this.ports, this.#options, newName, this.#closing.signal);
  }

  #encoded(record: Rec): Uint8Array {
    const { encode, maxObjectBytes } = this.#options;
    const value = encoded(encode(record));
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    if (bytes.byteLength <= maxObjectBytes) return bytes;
    throw new TidegateError(
      'TIDEGATE_SINK_RECORD',
      `a record has ${bytes.byteLength} bytes, and maxObjectBytes is ${maxObjectBytes}`,
    );
  }

  #requireCurrent(signal: AbortSignal): Promise<void> {
    return this.asking('looking for the owner', signal, async () => {
      await requireCurrent(this.ports, this.#claimed.state, signal);
    });
  }
}
