// A write-ahead sink in the hands of one generation.

import { join } from 'node:path';
import { isCurrent } from '../../durable-directory/fence.js';
import { toError } from '../../errors.js';
import { requireRecords } from '../../contracts/records.js';
import type {
  CommitOutcome,
  PreCommitRequest,
  Prepared,
  RollbackOutcome,
  RollbackRequest,
  SinkOwner,
  TwoPhaseSinkSession,
} from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { errnoOf, type FileSystem } from '../../runtime/file-system.js';
import { Mutex } from '../../runtime/mutex.js';
import { unlessMissing } from '../../runtime/small-files.js';
import { orFilesError } from '../files/files-error.js';
import { throwIfIncomplete } from '../incomplete-epoch.js';
import type { Applier } from './applier.js';
import { handleOf, idOfHandle } from '../staging/handle.js';
import { fenced } from '../staging/opening.js';
import { StagedOutput } from '../staging/staged-output.js';
import { WriteAheadInspector, type StagedEpoch } from './inspector.js';
import { openName, stagedName, type WriteAheadLayout } from './layout.js';
import { openStaged, trailerOf, type StagedFile } from './staged-file.js';
import type { RecordLines } from './record-lines.js';

const writeBytes = 262_144;

export interface SessionContext<Rec> {
  readonly fileSystem: FileSystem;
  readonly layout: WriteAheadLayout;
  readonly lines: RecordLines<Rec>;
  readonly owner: SinkOwner;
  /** The owner's own directory; it is gone when a newer owner has come. */
  readonly staging: string;
  readonly applier: Applier<Rec>;
}

export class WriteAheadSession<Rec>
  extends WriteAheadInspector
  implements TwoPhaseSinkSession<Rec>
{
  protected override readonly home: string;
  readonly #context: SessionContext<Rec>;
  readonly #prepared = new Map<number, Prepared>();
  /** The wrapped sink takes one epoch at a time. */
  readonly #mutex = new Mutex();
  /** Ends what a check has asked the wrapped sink's system. */
  readonly #life = new AbortController();
  #open: StagedOutput | undefined;
  #failure: Error | undefined;

  constructor(context: SessionContext<Rec>) {
    const { fileSystem, layout, owner, applier } = context;
    super({ fileSystem, layout, identity: owner, applier });
    this.home = context.staging;
    this.#context = context;
  }

  async write(records: readonly Rec[]): Promise<void> {
    throwIfIncomplete(this.#context.owner.sink, this.#failure);
    try {
      requireRecords(this.#context.owner.sink, records);
      const open = this.#output();
      const { signal } = this.#life;
      const lines = await this.#context.lines.encode(records, open.recordCount, { signal });
      for (const line of lines) open.add(`${line}\n`);
      if (open.bufferedBytes >= writeBytes) await open.flush();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  async preCommit(request: PreCommitRequest, { signal }: CallOptions): Promise<Prepared> {
    const known = this.#prepared.get(request.checkpointId);
    if (known !== undefined) return known;
    throwIfIncomplete(this.#context.owner.sink, this.#failure);
    try {
      signal.throwIfAborted();
      const prepared = await this.#stage(request);
      this.#prepared.set(request.checkpointId, prepared);
      return prepared;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  commit(handle: string, options: CallOptions): Promise<CommitOutcome> {
    const { owner, applier } = this.#context;
    const { left } = applier;
    if (left !== undefined && this.isOfWrapped(handle)) {
      return this.#owning(options, () => left.commit(handle, options));
    }
    const id = idOfHandle(owner, handle);
    return this.#owning(options, async () => {
      const staged = (await this.staged()).find((one) => one.id === id);
      const isMarked = await applier.isApplied(id, options);
      if (!isMarked && staged === undefined) {
        const found = await this.left(id, options);
        return found && left ? left.commit(found.handle, options) : 'absent';
      }
      // Before the commit point: what is damaged can still be rolled back and read again.
      const file = staged && (await this.#opened(staged, isMarked));
      if (!isMarked) await applier.mark?.(id);
      if (staged !== undefined) await this.#apply(staged, file, options);
      return isMarked ? 'already-applied' : 'applied';
    });
  }

  async verify(handle: string, options: CallOptions): Promise<void> {
    if (this.#context.applier.left !== undefined && this.isOfWrapped(handle)) return;
    const id = idOfHandle(this.#context.owner, handle);
    await this.#mutex.runExclusive(async () => {
      const staged = (await this.staged()).find((one) => one.id === id);
      if (staged === undefined) return;
      await this.#opened(staged, await this.#context.applier.isApplied(id, options));
    }, options.signal);
  }

  /** What an older generation had marked and not applied to its end; part of the opening. */
  async applyMarked(options: CallOptions): Promise<void> {
    for (const staged of await this.staged()) {
      if (await this.#context.applier.isApplied(staged.id, options)) {
        await this.#apply(staged, await this.#opened(staged, true), options);
      }
    }
  }

  rollback(
    { keep }: RollbackRequest,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, RollbackOutcome>> {
    const { fileSystem, applier } = this.#context;
    return this.#owning(options, async () => {
      const outcomes = new Map<string, RollbackOutcome>();
      for (const { id, handle, path } of await this.staged()) {
        if (keep.includes(handle)) continue;
        // Marked is committed: what is staged of it may still have to be applied.
        if (await applier.isApplied(id, options)) {
          outcomes.set(handle, 'committed');
          continue;
        }
        await unlessMissing(fileSystem.removeFile(path));
        this.#prepared.delete(id);
        outcomes.set(handle, 'rolled-back');
      }
      for (const [handle, outcome] of (await applier.left?.rollback({ keep }, options)) ?? []) {
        if (!outcomes.has(handle)) outcomes.set(handle, outcome);
      }
      // What was not there to be removed may have been moved away, and be committed by a newer owner.
      await this.#requireCurrent();
      return outcomes;
    });
  }

  override async close(): Promise<void> {
    this.#failure ??= new Error('the session was closed');
    this.#life.abort(this.#failure);
    try {
      await this.#open?.abandon();
    } finally {
      await super.close();
    }
  }

  /** In turn, and only for as long as no newer owner has come. */
  #owning<Value>({ signal }: CallOptions, work: () => Promise<Value>): Promise<Value> {
    return this.#mutex.runExclusive(async () => {
      await this.#requireCurrent();
      try {
        return await work();
      } catch (error) {
        // What is missing under the own directory is missing because a newer owner has moved it.
        if (errnoOf(error) === 'ENOENT') await this.#requireCurrent();
        throw this.#named(error);
      }
    }, signal);
  }

  async #requireCurrent(): Promise<void> {
    const { fileSystem, staging, owner } = this.#context;
    if (!(await isCurrent(fileSystem, staging))) throw fenced(this.#context, owner.generation);
  }

  /**
   * The staged records, verified; undefined where nothing is left to be written. A wrapped sink with
   * a marker of its own has written the records with it, once and for all.
   */
  async #opened(staged: StagedEpoch, isMarked: boolean): Promise<StagedFile<Rec> | undefined> {
    const { fileSystem, lines, applier } = this.#context;
    if (isMarked && applier.mark === undefined) return undefined;
    const wayOut = isMarked ? waysOutOfMarked : waysOutOfDamage;
    return openStaged(fileSystem, staged.path, { codecs: lines.known, wayOut });
  }

  async #apply(
    { id, path }: StagedEpoch,
    file: StagedFile<Rec> | undefined,
    options: CallOptions,
  ): Promise<void> {
    const { fileSystem, owner, applier } = this.#context;
    if (file !== undefined) {
      const request = { checkpointId: id, epoch: file.epoch, generation: owner.generation };
      await applier.apply(request, file.records, options);
    }
    // Only now: what is staged can be applied again.
    await unlessMissing(fileSystem.removeFile(path));
  }

  #output(): StagedOutput {
    this.#open ??= new StagedOutput(this.#context.fileSystem, this.#path(openName), 'private');
    return this.#open;
  }

  async #stage({ checkpointId, epoch }: PreCommitRequest): Promise<Prepared> {
    const { fileSystem, staging, owner, lines } = this.#context;
    const codec = lines.codec.name;
    await this.#output().finish((facts) => trailerOf(facts, { epoch, codec }));
    this.#open = undefined;
    // Fails when a newer owner has renamed the directory away.
    await fileSystem.rename(
      this.#path(openName),
      this.#path(stagedName(owner.generation, checkpointId)),
    );
    await fileSystem.syncDirectory(staging);
    return { handle: handleOf(owner, checkpointId) };
  }

  #path(name: string): string {
    return join(this.#context.staging, name);
  }

  /** The epoch has a hole from now on: only the next generation may go on. */
  #fail(error: unknown): Error {
    const { generation } = this.#context.owner;
    this.#failure =
      errnoOf(error) === 'ENOENT'
        ? fenced(this.#context, generation, { cause: error })
        : toError(this.#named(error));
    return this.#failure;
  }

  #named(error: unknown): unknown {
    const { owner, layout } = this.#context;
    return orFilesError(error, `staging or applying of sink ${owner.sink} in ${layout.directory}`);
  }
}

const waysOutOfDamage =
  "nothing of it was applied; start with inDoubtPolicy 'roll-back', which reads its input again as " +
  'long as no other sink has committed the checkpoint, or bring the file back from a copy';

const waysOutOfMarked =
  'its checkpoint is committed, so its input is not read again: bring the file back from a copy';
