// Prepared epochs: staged (output first, record second, durable with the last sync), found, and discarded.

import type { PreCommitRequest, RollbackOutcome, SinkOwner } from '../../../contracts/sink.js';
import { type CheckpointId, type Generation, generation as toGeneration } from '../../../ids.js';
import { errnoOf } from '../../../runtime/file-system.js';
import { unlessMissing, writeNewFile } from '../../../runtime/small-files.js';
import { isCommitted } from '../../staging/marker-files.js';
import type { StagedOutput } from '../../staging/staged-output.js';
import { type CommitRecord, type PartFacts, encodeRecord, readRecord } from './commit-record.js';
import {
  type FileSinkPorts,
  idOfPartName,
  idOfPreparedName,
  partName,
  preparedName,
} from './layout.js';
import { join } from 'node:path';

export interface EpochToStage {
  readonly staging: string;
  readonly extension: string;
  readonly owner: SinkOwner;
  readonly request: PreCommitRequest;
  /** Undefined for an epoch without records. */
  readonly open: StagedOutput | undefined;
}

/** Makes the epoch committable by a fresh process; until this returns, its handle is unknown. */
export async function stageEpoch(
  ports: FileSinkPorts,
  { staging, extension, owner, request, open }: EpochToStage,
): Promise<CommitRecord> {
  const { fileSystem } = ports;
  const { checkpointId, epoch, generation } = request;
  const part =
    open === undefined
      ? undefined
      : await stagePart(ports, open, { staging, extension, checkpointId });
  const { storeId, pipeline, sink } = owner;
  const record = { storeId, pipeline, sink, generation, checkpointId, epoch, part };
  const final = join(staging, preparedName(checkpointId));
  const temporary = `${final}.new`;
  await writeNewFile(fileSystem, temporary, encodeRecord(record), { sync: true });
  await fileSystem.rename(temporary, final);
  await fileSystem.syncDirectory(staging);
  return record;
}

async function stagePart(
  { fileSystem }: FileSinkPorts,
  open: StagedOutput,
  place: {
    readonly staging: string;
    readonly extension: string;
    readonly checkpointId: CheckpointId;
  },
): Promise<PartFacts> {
  const { path, ...facts } = await open.finish();
  const name = partName(place.checkpointId, place.extension);
  await fileSystem.rename(path, join(place.staging, name));
  return { name, ...facts };
}

/** A commit record that was found, with its output. */
export interface FoundPrepared {
  readonly id: CheckpointId;
  /** The generation that prepared it. */
  readonly generation: Generation;
  readonly path: string;
}

/**
 * Every whole prepared epoch below a directory. A record without its output is none: the names of
 * both become durable with one sync, so a power loss before it may keep one of the two. Nobody was
 * given a handle then.
 */
export async function wholePrepared(
  ports: FileSinkPorts,
  directory: string,
): Promise<readonly FoundPrepared[]> {
  const paths = new Map<string, string>();
  await collectNames(ports, directory, paths);
  const found: FoundPrepared[] = [];
  for (const [name, path] of paths) {
    const id = idOfPreparedName(name);
    // Missing: it was committed or discarded since it was listed.
    const record = id && (await unlessMissing(readRecord(ports.fileSystem, path)));
    if (id === undefined || record === undefined) continue;
    if (record.part !== undefined && !paths.has(record.part.name)) continue;
    found.push({ id, generation: toGeneration(record.generation), path });
  }
  return found;
}

/** Output and record may lie in different directories while a new owner brings them together. */
async function collectNames(
  ports: FileSinkPorts,
  directory: string,
  paths: Map<string, string>,
): Promise<void> {
  const { fileSystem, layout } = ports;
  for (const { name, kind } of (await unlessMissing(fileSystem.listDirectory(directory))) ?? []) {
    const path = join(directory, name);
    if (kind !== 'directory') paths.set(name, path);
    else if (path !== layout.committed) await collectNames(ports, path, paths);
  }
}

export interface DoomedEpoch {
  readonly id: CheckpointId;
  readonly handle: string;
}

/** What became of each, by handle. */
export async function discardEpochs(
  ports: FileSinkPorts,
  staging: string,
  doomed: readonly DoomedEpoch[],
): Promise<ReadonlyMap<string, RollbackOutcome>> {
  const outcomes = new Map<string, RollbackOutcome>();
  const gone = new Set<number>();
  for (const { id, handle } of doomed) {
    const outcome = await discardRecord(ports, staging, id);
    outcomes.set(handle, outcome);
    if (outcome === 'rolled-back') gone.add(id);
  }
  if (gone.size > 0) await removeParts(ports, staging, gone);
  return outcomes;
}

async function discardRecord(
  ports: FileSinkPorts,
  staging: string,
  id: CheckpointId,
): Promise<RollbackOutcome> {
  try {
    await ports.fileSystem.removeFile(join(staging, preparedName(id)));
    return 'rolled-back';
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return (await isCommitted(ports, id)) ? 'committed' : 'absent';
  }
}

async function removeParts(
  { fileSystem }: FileSinkPorts,
  staging: string,
  gone: ReadonlySet<number>,
): Promise<void> {
  // A record that a power loss brings back without its output would be a checkpoint of nothing.
  await fileSystem.syncDirectory(staging);
  for (const { name } of await fileSystem.listDirectory(staging)) {
    const id = idOfPartName(name);
    if (id !== undefined && gone.has(id)) {
      await unlessMissing(fileSystem.removeFile(join(staging, name)));
    }
  }
}
