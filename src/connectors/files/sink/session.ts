// A file sink in the hands of one generation: write, pre-commit, commit, roll back.

import { join } from 'node:path';
import { assert } from '../../../assert.js';
import { requireRecords } from '../../../contracts/records.js';
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
} from '../../../contracts/sink.js';
import type { CallOptions } from '../../../contracts/source.js';
import { isCurrent } from '../../../durable-directory/fence.js';
import { TidegateError, toError } from '../../../errors.js';
import type { CheckpointId } from '../../../ids.js';
import { errnoOf } from '../../../runtime/file-system.js';
import { statIfExists, unlessMissing } from '../../../runtime/small-files.js';
import { toFilesError } from '../files-error.js';
import { readRecord, type CommitRecord } from './commit-record.js';
import { discardEpochs } from './prepared.js';
import { MarkerFolding } from '../../staging/marker-folding.js';
import { handleOf, idOfHandle } from '../../staging/handle.js';
import { FileSinkInspector } from './inspector.js';
import { idOfPartName, openName, preparedName, type FileSinkPorts } from './layout.js';
import { isCommitted } from '../../staging/marker-files.js';
import { encoded, StagedOutput } from '../../staging/staged-output.js';
import { fenced } from '../../staging/opening.js';
import { wholePrepared, type FoundPrepared } from './prepared.js';
import { publishParts, stagedParts } from './publishing.js';
import { stageEpoch } from './prepared.js';
import { requireUndamaged } from './publishing.js';

export interface SessionOptions<Rec> {
  readonly owner: SinkOwner;
  readonly staging: string;
  readonly encode: (record: Rec) => string | Uint8Array;
  readonly extension: string;
  readonly bufferBytes: number;
  readonly maxLooseMarkers: number;
}

export class FileSinkSession<Rec> extends FileSinkInspector implements TwoPhaseSinkSession<Rec> {
  readonly #options: SessionOptions<Rec>;
  #open: StagedOutput | undefined;
  #openCount = 0;
  /** Why the open epoch can never be committed: it lost a record, or may have. */
  #broken: Error | undefined;
  readonly #prepared = new Map<CheckpointId, Prepared>();
  /** A marker was moved and its sync has not succeeded: visible, and not yet durable. */
  #hasUnsyncedMarker = false;
  readonly #folding: MarkerFolding;

  constructor(ports: FileSinkPorts, options: SessionOptions<Rec>) {
    super(ports, options.owner);
    this.#options = options;
    const { staging, maxLooseMarkers } = options;
    // The marker of output that is not published yet has the digest that it is compared with.
    const unfinished = () => stagedParts(ports, staging);
    this.#folding = new MarkerFolding(ports, { staging, maxLooseMarkers, unfinished });
  }

  write(records: readonly Rec[]): void | Promise<void> {
    if (this.#broken !== undefined) throw this.#refusal(this.#broken);
    const { encode, staging, bufferBytes, owner } = this.#options;
    if (Array.isArray(records) && records.length === 0) return;
    const open = (this.#open ??= this.#newEpoch(staging));
    try {
      requireRecords(owner.sink, records);
      for (const record of records) open.add(encoded(encode(record)));
    } catch (error) {
      this.#broken = toError(error);
      throw error;
    }
    // The promise is the back-pressure: the caller waits until the buffer is empty.
    if (open.bufferedBytes >= bufferBytes) return this.#flush(open);
  }

  async preCommit(request: PreCommitRequest, { signal }: CallOptions): Promise<Prepared> {
    signal.throwIfAborted();
    const { generation } = this.#options.owner;
    assert(request.generation === generation, `a pre-commit of generation ${request.generation}`);
    const known = this.#prepared.get(request.checkpointId);
    if (known !== undefined) return known;
    if (this.#broken !== undefined) throw this.#refusal(this.#broken);
    const open = this.#open;
    this.#open = undefined;
    try {
      const { staging, extension, owner } = this.#options;
      await stageEpoch(this.ports, { staging, extension, owner, request, open });
      const prepared = { handle: handleOf(this.#options.owner, request.checkpointId) };
      this.#prepared.set(request.checkpointId, prepared);
      return prepared;
    } catch (error) {
      // Crash-only: after half a pre-commit nothing is known but what the next owner will find.
      this.#broken = toError(error);
      throw this.#translate(error, `pre-committing checkpoint ${request.checkpointId}`);
    }
  }

  async commit(handle: string, { signal }: CallOptions): Promise<CommitOutcome> {
    signal.throwIfAborted();
    const id = idOfHandle(this.identity, handle);
    const { fileSystem, layout } = this.ports;
    try {
      const moved = await this.#moveRecord(id);
      if (moved === undefined && !(await isCommitted(this.ports, id))) {
        await this.#assertCurrent();
        return 'absent';
      }
      await fileSystem.syncDirectory(layout.committed);
      this.#hasUnsyncedMarker = false;
      // An epoch without records has nothing to publish. A repeated commit cannot know.
      if (moved === undefined || moved.part !== undefined) {
        const verified = moved !== undefined;
        await publishParts(this.ports, this.#options.staging, { ids: new Set([id]), verified });
      }
      this.#forgetBefore(id);
      if (moved === undefined) return 'already-applied';
      await this.#folding.afterCommit();
      return 'applied';
    } catch (error) {
      throw this.#translate(error, `committing checkpoint ${id}`);
    }
  }

  async verify(handle: string, { signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    const id = idOfHandle(this.identity, handle);
    await this.asking(`verifying checkpoint ${id}`, async () => {
      await unlessMissing(this.#wholeRecord(id));
    });
  }

  override async inspect(request: InspectRequest, options: CallOptions): Promise<Inspection> {
    const answer = await super.inspect(request, options);
    if (answer === 'committed' && this.#hasUnsyncedMarker) {
      const { fileSystem, layout } = this.ports;
      await this.asking('making a commit durable', () =>
        fileSystem.syncDirectory(layout.committed),
      );
      this.#hasUnsyncedMarker = false;
    }
    if (answer === 'absent') await this.#assertCurrent();
    return answer;
  }

  async rollback(
    { keep }: RollbackRequest,
    { signal }: CallOptions,
  ): Promise<ReadonlyMap<string, RollbackOutcome>> {
    signal.throwIfAborted();
    const kept = new Set(keep.map((handle) => idOfHandle(this.identity, handle)));
    try {
      const prepared = await this.listPrepared({ signal });
      const doomed = prepared
        .map(({ handle }) => ({ handle, id: idOfHandle(this.identity, handle) }))
        .filter(({ id }) => !kept.has(id));
      const outcomes = await discardEpochs(this.ports, this.#options.staging, doomed);
      // Nothing found to discard is only an answer of the current owner.
      await this.#assertCurrent();
      return outcomes;
    } catch (error) {
      throw this.#translate(error, 'rolling back');
    }
  }

  async close(): Promise<void> {
    this.#broken ??= new Error('the session is closed');
    await this.#open?.abandon();
    this.#open = undefined;
  }

  /** Only what lies in the directory of this generation: `open` has brought everything there. */
  protected override async findPrepared(): Promise<readonly FoundPrepared[]> {
    const found = await wholePrepared(this.ports, this.#options.staging);
    await this.#assertCurrent();
    return found;
  }

  #newEpoch(staging: string): StagedOutput {
    this.#openCount += 1;
    const path = join(staging, openName(this.#openCount));
    // For readers, once it is published: until then its directory is private.
    return new StagedOutput(this.ports.fileSystem, path, 'shared');
  }

  async #flush(open: StagedOutput): Promise<void> {
    try {
      await open.flush();
    } catch (error) {
      this.#broken = toError(error);
      throw this.#translate(error, 'writing records');
    }
  }

  /** The commit point. Undefined when there is no whole record to move. */
  async #moveRecord(id: CheckpointId): Promise<CommitRecord | undefined> {
    const { fileSystem, layout } = this.ports;
    try {
      const record = await this.#wholeRecord(id);
      if (record === undefined) return undefined;
      await fileSystem.rename(join(this.#options.staging, preparedName(id)), layout.marker(id));
      this.#hasUnsyncedMarker = true;
      return record;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** The record of a prepared epoch whose output is there, byte by byte as it was prepared. */
  async #wholeRecord(id: CheckpointId): Promise<CommitRecord | undefined> {
    const { fileSystem } = this.ports;
    const { staging, owner } = this.#options;
    const path = join(staging, preparedName(id));
    const record = await readRecord(fileSystem, path);
    const { part } = record;
    const isOurs = record.checkpointId === id && record.storeId === owner.storeId;
    if (!isOurs || (part !== undefined && idOfPartName(part.name) !== id)) {
      throw corrupt(`${path} belongs to something else`);
    }
    if (part === undefined) return record;
    const output = join(staging, part.name);
    // A commit whose output was lost must not be reported as applied.
    if ((await statIfExists(fileSystem, output)) === undefined) return undefined;
    await requireUndamaged(fileSystem, output, { prepared: part, wayOut: waysOutOfDamage });
    return record;
  }

  /** Answers to repeated pre-commits are kept only for as long as one may come. */
  #forgetBefore(id: CheckpointId): void {
    for (const older of this.#prepared.keys()) if (older < id) this.#prepared.delete(older);
  }

  async #assertCurrent(): Promise<void> {
    const current = await isCurrent(this.ports.fileSystem, this.#options.staging);
    if (!current) throw fenced(this.ports, this.#options.owner.generation);
  }

  /** What is missing in the staging directory is missing because a newer owner moved it away. */
  #translate(error: unknown, doing: string): Error {
    const { generation } = this.#options.owner;
    if (errnoOf(error) === 'ENOENT') return fenced(this.ports, generation, { cause: error });
    return toFilesError(error, `${doing} in ${this.ports.layout.directory}`);
  }

  #refusal(cause: Error): TidegateError {
    return new TidegateError(
      'TIDEGATE_SINK_WRITE_FAILED',
      `sink ${JSON.stringify(this.identity.sink)} in ${this.ports.layout.directory} ` +
        `may have lost records of this epoch: ${cause.message}`,
      { cause },
    );
  }
}

const waysOutOfDamage =
  "start with inDoubtPolicy 'roll-back', which reads its input again as long as no other sink has " +
  'committed the checkpoint, or bring the file back from a copy';

function corrupt(message: string): TidegateError {
  return new TidegateError('TIDEGATE_FILES_CORRUPT', message);
}
