// What crashes left behind: removed at open, and only what is provably of an older owner.

import { join } from 'node:path';
import { toError } from '../../errors.js';
import { generationOfCheckpointId } from '../../ids.js';
import { errnoOf } from '../../runtime/file-system.js';
import {
  idOfCheckpointName,
  idOfQuarantinedName,
  isStagingName,
  manifestFile,
  retiredOfName,
  sidecarFile,
} from '../layout.js';
import type { Claim } from './generations.js';
import type { StorePorts } from './ports.js';
import { statIfExists, removeTree, unlessMissing } from '../../runtime/small-files.js';

/**
 * Removes retired generations with everything half-written in them, and checkpoint directories
 * without a manifest. What cannot be removed is logged and left: rubbish never keeps a store shut.
 *
 * Runs after the opening syncs. A checkpoint that was pruned lies in its owner's staging directory;
 * were its files removed before that rename is durable, a power loss could bring it back in pieces.
 */
export async function cleanUp(ports: StorePorts, claim: Claim): Promise<void> {
  const { fileSystem, layout, logger } = ports;
  const attempt = async (path: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      logger.warn({ path, err: toError(error) }, 'could not clean up after an older owner');
    }
  };
  for (const { name } of await fileSystem.listDirectory(layout.ownFolder)) {
    const retired = retiredOfName(name);
    if (retired === undefined || retired.by > claim.generation) continue;
    const path = join(layout.ownFolder, name);
    await attempt(path, () => removeRetired(ports, path));
  }
  for (const { name, kind } of await fileSystem.listDirectory(layout.directory)) {
    const id = idOfCheckpointName(name);
    if (id === undefined || kind !== 'directory' || !isOfOlderOwner(id, claim)) continue;
    const path = layout.checkpoint(id);
    await attempt(path, () => removeOrphan(ports, path));
  }
}

/** Ids of a foreign store have no generation: another program may be writing there right now. */
function isOfOlderOwner(id: number, { generation }: Claim): boolean {
  const owner = generationOfCheckpointId(id);
  return owner >= 1 && owner < generation;
}

async function removeRetired(ports: StorePorts, path: string): Promise<void> {
  const { fileSystem } = ports;
  for (const { name } of (await unlessMissing(fileSystem.listDirectory(path))) ?? []) {
    if (isStagingName(name)) await rescueQuarantined(ports, join(path, name));
  }
  await removeTree(fileSystem, path);
}

/** An owner that died while it quarantined a checkpoint: what cannot be read is kept, for people. */
async function rescueQuarantined(
  { fileSystem, layout }: StorePorts,
  staging: string,
): Promise<void> {
  for (const { name } of (await unlessMissing(fileSystem.listDirectory(staging))) ?? []) {
    if (idOfQuarantinedName(name) === undefined) continue;
    await fileSystem.rename(join(staging, name), join(layout.directory, name));
    await fileSystem.syncDirectory(layout.directory);
  }
}

async function removeOrphan({ fileSystem }: StorePorts, path: string): Promise<void> {
  if ((await statIfExists(fileSystem, join(path, manifestFile))) !== undefined) return;
  await unlessMissing(fileSystem.removeFile(join(path, sidecarFile)));
  try {
    await unlessMissing(fileSystem.removeDirectory(path));
  } catch (error) {
    // Something else lies in it that is not ours to remove; it stays listed as an orphan.
    if (errnoOf(error) !== 'ENOTEMPTY') throw error;
  }
}
