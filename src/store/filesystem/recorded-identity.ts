// Whose store it is: what its own file says, or, where that is gone, what its newest manifest says.

import { isTidegateError } from '../../errors.js';
import { storeId } from '../../ids.js';
import { errnoOf } from '../../runtime/file-system.js';
import { unlessMissing } from '../../runtime/small-files.js';
import { idOfCheckpointName } from '../layout.js';
import { readIdentity, type StoreIdentity } from './identity.js';
import type { StorePorts } from './ports.js';
import { readManifest } from './reader.js';

/**
 * Undefined for a store in which tidegate has written no checkpoint yet. A new id in the place of
 * one that was deleted would make every sink refuse the store.
 */
export async function recordedIdentity(ports: StorePorts): Promise<StoreIdentity | undefined> {
  return (await readIdentity(ports)) ?? identityInManifests(ports);
}

async function identityInManifests(ports: StorePorts): Promise<StoreIdentity | undefined> {
  const { fileSystem, layout } = ports;
  const entries = (await unlessMissing(fileSystem.listDirectory(layout.directory))) ?? [];
  const ids = entries.flatMap(({ name }) => idOfCheckpointName(name) ?? []);
  for (const id of ids.sort((left, right) => right - left)) {
    const own = (await readUnlessDamaged(ports, id))?.tidegate;
    if (own !== undefined && own.storeId !== '')
      return { storeId: storeId(own.storeId), pipeline: own.pipeline };
  }
  return undefined;
}

/** What is damaged is reported by whoever recovers; an older one says the same here. */
async function readUnlessDamaged(ports: StorePorts, id: number) {
  try {
    return await readManifest(ports, id);
  } catch (error) {
    if (isTidegateError(error) || errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
