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
import { PostgresInspector } from './inspector.js';
import { MarkerPruning } from './marker-pruning.js';
import { gidOf, requireOwnGid } from './names.js';
import { OpenEpoch } from './open-epoch.js';
import { commitPrepared, rollbackPrepared } from './prepared-transactions.js';
import type { SinkContext } from './sink-context.js';

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
    try {
      await epoch.prepare(request, handle, options);
    } catch (error) {
      throw this.#open.fail(error, 'preparing');
    }
    this.#open.handOver();
    const prepared = { handle };
    this.#prepared.set(request.checkpointId, prepared);
    return prepared;
  }

  commit(handle: string, options: CallOptions): Promise<CommitOutcome> {
    const { owner } = this.#context;
    const id = requireOwnGid(owner, handle);
    return this.#fenced('committing', options, async (session) => {
      const outcome = await commitPrepared(session, this.#context, handle);
      this.#prepared.delete(id);
      if (outcome === 'applied') await this.#pruning.afterCommit((prune) => prune(session));
      return outcome;
    });
  }

  rollback(
    { keep }: RollbackRequest,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, RollbackOutcome>> {
    return this.#fenced('rolling back', options, async (session) => {
      const outcomes = await rollbackPrepared(session, this.#context, keep);
      const { owner } = this.#context;
      for (const handle of outcomes.keys()) this.#prepared.delete(requireOwnGid(owner, handle));
      return outcomes;
    });
  }

  close(): void {
    this.#open.close();
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
