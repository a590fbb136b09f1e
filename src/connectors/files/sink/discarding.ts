// Discarding prepared epochs: the record first, durably, and only then the output.

import { join } from 'node:path';
import type { RollbackOutcome } from '../../../contracts/sink.js';
import type { CheckpointId } from '../../../ids.js';
import { errnoOf } from '../../../runtime/file-system.js';
import { unlessMissing } from '../../../runtime/small-files.js';
import { idOfPartName, preparedName } from './layout.js';
import { isCommitted } from '../../staging/marker-files.js';
import type { FileSinkPorts } from './ports.js';

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
