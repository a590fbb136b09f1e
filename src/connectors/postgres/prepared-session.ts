// A durable sink in the hands of one generation: PREPARE TRANSACTION, then COMMIT PREPARED.

import type {
  CommitOutcome,
  PreCommitRequest,
  Prepared,
  RollbackOutcome,
  RollbackRequest,
  TwoPhaseSinkSession,
} from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import type { PostgresSession } from './driver.js';
import { fenced } from './fence.js';
import { listPrepared, PostgresInspector } from './inspector.js';
import { MarkerPruning } from './marker-pruning.js';
import { gidOf, quoteLiteral, requireOwnGid } from './names.js';
import { OpenEpoch } from './open-epoch.js';
import type { SinkContext } from './sink-context.js';
import { sqlStateOf } from './trouble.js';
import { requireTag } from './session-use.js';

export class PreparedSession<Rec> extends PostgresInspector implements TwoPhaseSinkSession<Rec> {
  readonly #context: SinkContext<Rec>;
  readonly #prepared = new Map<number, Prepared>();
  readonly #open: OpenEpoch<Rec>;
  readonly #pruning: MarkerPruning;

  constructor(context: SinkContext<Rec>) {
    super({ driver: context.driver, catalog: context.catalog, identity: context.owner });
    this.#context = context;
    this.#open = new OpenEpoch(context);
    this.#pruning = new MarkerPruning(context);
  }

  write(records: readonly Rec[]): Promise<void> {
    return this.#open.write(records);
  }

  async preCommit(request: PreCommitRequest, options: CallOptions): Promise<Prepared> {
    const known = this.#prepared.get(request.checkpointId);
    if (known !== undefined) return known;
    this.#open.throwIfIncomplete();
    const { owner } = this.#context;
    const epoch = this.#open.begun();
    const handle = gidOf(owner, request.checkpointId);
    const { digest } = epoch;
    try {
      await epoch.prepare(request, handle, options);
    } catch (error) {
      throw this.#open.fail(error, 'preparing');
    }
    this.#open.handOver();
    const prepared = { handle, ...(digest === undefined ? {} : { digest }) };
    this.#prepared.set(request.checkpointId, prepared);
    return prepared;
  }

  commit(handle: string, options: CallOptions): Promise<CommitOutcome> {
    const { catalog, owner } = this.#context;
    const id = requireOwnGid(owner, handle);
    return this.#fenced('committing', options, async (session) => {
      const outcome = await this.#endPrepared(session, 'COMMIT', handle);
      this.#prepared.delete(id);
      if (outcome === 'not-found') {
        return (await catalog.isMarked(session, owner, id)) ? 'already-applied' : 'absent';
      }
      await this.#pruning.afterCommit((prune) => prune(session));
      return 'applied';
    });
  }

  rollback(
    { keep }: RollbackRequest,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, RollbackOutcome>> {
    const { catalog, owner } = this.#context;
    return this.#fenced('rolling back', options, async (session) => {
      const outcomes = new Map<string, RollbackOutcome>();
      for (const { handle } of await listPrepared(session, owner)) {
        if (keep.includes(handle)) continue;
        const id = requireOwnGid(owner, handle);
        const outcome = await this.#endPrepared(session, 'ROLLBACK', handle);
        this.#prepared.delete(id);
        if (outcome === 'ended') outcomes.set(handle, 'rolled-back');
        else {
          const isMarked = await catalog.isMarked(session, owner, id);
          outcomes.set(handle, isMarked ? 'committed' : 'absent');
        }
      }
      return outcomes;
    });
  }

  close(): void {
    this.#open.close();
  }

  /** `not-found` says nothing yet: committed, rolled back or never prepared. */
  async #endPrepared(
    session: PostgresSession,
    how: 'COMMIT' | 'ROLLBACK',
    handle: string,
  ): Promise<'ended' | 'not-found'> {
    try {
      const answer = await session.command(`${how} PREPARED ${quoteLiteral(handle)}`);
      requireTag(answer, how, `${how} PREPARED ${handle}`);
      return 'ended';
    } catch (error) {
      if (sqlStateOf(error) === '42704') return 'not-found';
      throw error;
    }
  }

  #fenced<Value>(
    doing: string,
    options: CallOptions,
    work: (session: PostgresSession) => Promise<Value>,
  ): Promise<Value> {
    const { driver, catalog, owner } = this.#context;
    const what = `${doing} sink ${owner.sink}`;
    return fenced(driver, { catalog, owner, what }, options, work);
  }
}
