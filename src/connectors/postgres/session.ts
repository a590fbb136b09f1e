// The two-phase sinks in the hands of one generation: prepared on the server, or held in one transaction.

import { TidegateError } from '../../errors.js';
import type { CheckpointId } from '../../ids.js';
import type {
  CommitOutcome,
  Inspection,
  InspectRequest,
  PreCommitRequest,
  Prepared,
  PreparedListing,
  RecordForm,
  RollbackOutcome,
  RollbackRequest,
  TwoPhaseSinkSession,
} from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import type { PostgresSession } from './driver.js';
import type { EpochTransaction } from './epoch-transaction.js';
import { fenced, requireGeneration, waitForHolders } from './fence.js';
import { PostgresInspector } from './inspector.js';
import { MarkerPruning } from './marker-pruning.js';
import { gidOf, requireOwnGid } from './names.js';
import { OpenEpoch } from './open-epoch.js';
import { commitPrepared, rollbackPrepared } from './prepared-transactions.js';
import type { SinkContext } from './sink-context.js';
import { toTrouble } from './trouble.js';
import { withSession } from './session-use.js';

/** What the sessions of both two-phase classes share. */
abstract class EpochSession<Rec> extends PostgresInspector {
  protected readonly context: SinkContext<Rec>;
  protected readonly epoch: OpenEpoch<Rec>;
  protected readonly pruning: MarkerPruning;

  constructor(context: SinkContext<Rec>) {
    super({ driver: context.driver, catalog: context.catalog, identity: context.owner });
    this.context = context;
    this.epoch = new OpenEpoch(context);
    this.pruning = new MarkerPruning(context);
  }

  write(records: readonly Rec[]): Promise<void> {
    return this.epoch.write(records);
  }

  close(): void {
    this.epoch.close();
  }

  protected fenced<Value>(
    doing: string,
    options: CallOptions,
    work: (session: PostgresSession) => Promise<Value>,
  ): Promise<Value> {
    const { driver, catalog, owner } = this.context;
    const what = `${doing} sink ${owner.sink}`;
    return fenced(driver, { catalog, owner, what }, options, work);
  }
}

/** A durable sink: PREPARE TRANSACTION, then COMMIT PREPARED. */
export class PreparedSession<Rec> extends EpochSession<Rec> implements TwoPhaseSinkSession<Rec> {
  readonly #prepared = new Map<number, Prepared>();

  async preCommit(request: PreCommitRequest, options: CallOptions): Promise<Prepared> {
    const known = this.#prepared.get(request.checkpointId);
    if (known !== undefined) return known;
    this.epoch.throwIfIncomplete();
    const { owner } = this.context;
    const epoch = this.epoch.begun();
    const handle = gidOf(owner, request.checkpointId);
    try {
      await epoch.prepare(request, handle, options);
    } catch (error) {
      throw this.epoch.fail(error, 'preparing');
    }
    this.epoch.handOver();
    const prepared = { handle };
    this.#prepared.set(request.checkpointId, prepared);
    return prepared;
  }

  commit(handle: string, options: CallOptions): Promise<CommitOutcome> {
    const { owner } = this.context;
    const id = requireOwnGid(owner, handle);
    return this.fenced('committing', options, async (session) => {
      const outcome = await commitPrepared(session, this.context, handle);
      this.#prepared.delete(id);
      if (outcome === 'applied') await this.pruning.afterCommit((prune) => prune(session));
      return outcome;
    });
  }

  rollback(
    { keep }: RollbackRequest,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, RollbackOutcome>> {
    return this.fenced('rolling back', options, async (session) => {
      const outcomes = await rollbackPrepared(session, this.context, keep);
      const { owner } = this.context;
      for (const handle of outcomes.keys()) this.#prepared.delete(requireOwnGid(owner, handle));
      return outcomes;
    });
  }
}

interface HeldEpoch<Rec> {
  readonly request: PreCommitRequest;
  readonly prepared: Prepared;
  readonly epoch: EpochTransaction<Rec>;
}

/** A sink whose output and marker are committed in one local transaction: the marker decides. */
export class OneTransactionSession<Rec>
  extends EpochSession<Rec>
  implements TwoPhaseSinkSession<Rec>
{
  readonly recordForm: RecordForm<Rec> | undefined = this.context.recordForm;
  #held: HeldEpoch<Rec> | undefined;
  /** A COMMIT was sent and not answered: the server may still be at it. */
  #isUnclear = false;

  async preCommit(request: PreCommitRequest, options: CallOptions): Promise<Prepared> {
    if (this.#held?.request.checkpointId === request.checkpointId) return this.#held.prepared;
    this.epoch.throwIfIncomplete();
    const { owner, driver } = this.context;
    if (this.#held !== undefined) {
      throw new TidegateError(
        'TIDEGATE_POSTGRES_BUSY',
        `sink ${owner.sink} holds checkpoint ${this.#held.request.checkpointId} open, and takes one ` +
          'at a time',
      );
    }
    const epoch = this.epoch.begun();
    try {
      // On the only session an open transaction would stop everybody else until the commit.
      if (driver.sessions === 'many') await epoch.complete(request, options);
      // Early, for an owner that was overtaken; what counts is the look under the lock.
      await this.#requireOwn(options);
    } catch (error) {
      throw this.epoch.fail(error, 'pre-committing');
    }
    this.epoch.handOver();
    const handle = gidOf(owner, request.checkpointId);
    const prepared = { handle };
    this.#held = { request, prepared, epoch };
    return prepared;
  }

  async commit(handle: string, options: CallOptions): Promise<CommitOutcome> {
    const { owner } = this.context;
    const id = requireOwnGid(owner, handle);
    const held = this.#held;
    if (held?.prepared.handle !== handle) return this.#commitLeft({ handle, id }, options);
    // Whatever comes of it, this transaction is over.
    this.#held = undefined;
    this.#isUnclear = true;
    try {
      await held.epoch.commit(held.request, options);
      this.#isUnclear = false;
    } catch (error) {
      held.epoch.discard();
      throw toTrouble(error, `committing sink ${owner.sink}`);
    }
    await this.pruning.afterCommit((prune) =>
      this.fenced('pruning the markers of', options, prune),
    );
    return 'applied';
  }

  /** Prepared is also what this sink left on the server when it was a durable one. */
  override async inspect(request: InspectRequest, options: CallOptions): Promise<Inspection> {
    const held = this.#held;
    if (held?.request.checkpointId === request.checkpointId) return 'prepared';
    return super.inspect(request, options);
  }

  override async listPrepared(options: CallOptions): Promise<readonly PreparedListing[]> {
    const left = await super.listPrepared(options);
    const held = this.#held;
    if (held === undefined) return left;
    const { checkpointId } = held.request;
    return [...left, { handle: held.prepared.handle, checkpointId }];
  }

  async rollback(
    { keep }: RollbackRequest,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, RollbackOutcome>> {
    const outcomes = new Map<string, RollbackOutcome>();
    const held = this.#held;
    if (held !== undefined && !keep.includes(held.prepared.handle)) {
      held.epoch.discard();
      this.#held = undefined;
      outcomes.set(held.prepared.handle, 'rolled-back');
    }
    const left = await super.listPrepared(options);
    if (left.every(({ handle }) => keep.includes(handle))) return outcomes;
    const found = await this.fenced('rolling back', options, (session) =>
      rollbackPrepared(session, this.context, keep),
    );
    return new Map([...outcomes, ...found]);
  }

  override close(): void {
    super.close();
    this.#held?.epoch.discard();
  }

  async #requireOwn(options: CallOptions): Promise<void> {
    const { driver, catalog, owner } = this.context;
    await withSession(driver, `pre-committing sink ${owner.sink}`, options, (session) =>
      requireGeneration(session, catalog, owner),
    );
  }

  /** What is not held was committed before, or left prepared when this sink was a durable one. */
  async #commitLeft(
    { handle, id }: { readonly handle: string; readonly id: CheckpointId },
    options: CallOptions,
  ): Promise<CommitOutcome> {
    const left = await super.listPrepared(options);
    if (!left.some((one) => one.handle === handle)) return this.#askMarker(id, options);
    return this.fenced('committing', options, (session) =>
      commitPrepared(session, this.context, handle),
    );
  }

  async #askMarker(id: CheckpointId, options: CallOptions): Promise<CommitOutcome> {
    const { driver, catalog, owner } = this.context;
    return withSession(
      driver,
      `asking for the marker of sink ${owner.sink}`,
      options,
      async (one) => {
        // The lost backend holds the shared lock until it has ended: afterwards the marker is final.
        if (this.#isUnclear) await waitForHolders(one, owner);
        this.#isUnclear = false;
        return (await catalog.isMarked(one, owner, id)) ? 'already-applied' : 'absent';
      },
    );
  }
}
