// Staging an epoch: output first, record second, and both durable with the last sync.

import { join } from 'node:path';
import type { PreCommitRequest, SinkOwner } from '../../../contracts/sink.js';
import type { CheckpointId } from '../../../ids.js';
import { writeNewFile } from '../../../runtime/small-files.js';
import { encodeRecord, type CommitRecord, type PartFacts } from './commit-record.js';
import { partName, preparedName } from './layout.js';
import type { StagedOutput } from '../../staging/staged-output.js';
import type { FileSinkPorts } from './ports.js';

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
