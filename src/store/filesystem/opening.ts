// Opening a store to own it: claim, fence, make durable what can be seen, and only then look.

import { dirname } from 'node:path';
import { errnoOf } from '../../runtime/file-system.js';
import { idOfCheckpointName } from '../layout.js';
import type { Claim } from './generations.js';
import { checkPipeline, createIdentity, readIdentity, type StoreIdentity } from './identity.js';
import type { StorePorts } from './ports.js';
import { factsOrNothing } from './small-files.js';

export interface Ownership extends StoreIdentity {
  readonly claim: Claim;
}

/** Makes the store's directory and own folder where they are missing. Not yet durable. */
export async function makeDirectories({ fileSystem, layout }: StorePorts): Promise<void> {
  const missing: string[] = [layout.ownFolder];
  let directory = layout.directory;
  while ((await factsOrNothing(fileSystem, directory)) === undefined) {
    missing.push(directory);
    directory = dirname(directory);
  }
  for (const path of missing.reverse()) {
    try {
      await fileSystem.makeDirectory(path);
    } catch (error) {
      // Another process is opening the same new store.
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
  await fileSystem.listDirectory(layout.directory);
}

/**
 * Finishes what a claim began. When this returns, everything that can be seen in the store is
 * durable, and no older owner can change it any more.
 */
export async function settleOwnership(
  ports: StorePorts,
  claim: Claim,
  pipeline: string,
): Promise<Ownership> {
  const { fileSystem, layout } = ports;
  const stored = await readIdentity(ports);
  checkPipeline(stored, pipeline);
  const identity = stored ?? (await createIdentity(ports, claim, pipeline));
  // The claim and the identity, before a sink hears of either: a generation or a store id that a
  // power loss takes back would be given out twice, or refused by the sinks that remember it.
  await fileSystem.syncDirectory(layout.ownFolder);
  await syncWhatIsVisible(ports);
  return { ...identity, claim };
}

/**
 * Visible is not durable: an older owner may have died between a rename and its sync. Recovery acts
 * on what it sees, so nothing that it sees may vanish when the power fails afterwards.
 */
async function syncWhatIsVisible(ports: StorePorts): Promise<void> {
  const { fileSystem, layout } = ports;
  await syncAncestors(ports);
  await fileSystem.syncDirectory(layout.directory);
  for (const { name, kind } of await fileSystem.listDirectory(layout.directory)) {
    const id = idOfCheckpointName(name);
    if (id === undefined || kind !== 'directory') continue;
    await fileSystem.syncDirectory(layout.checkpoint(id));
  }
}

/**
 * The directory's own name, and those of the directories above it: whoever made them may have died
 * before it could sync them. Only the nearest has to be readable; those above, made long ago by
 * somebody else, often are not.
 */
async function syncAncestors({ fileSystem, layout }: StorePorts): Promise<void> {
  let path = layout.directory;
  while (dirname(path) !== path) {
    path = dirname(path);
    try {
      await fileSystem.syncDirectory(path);
    } catch (error) {
      if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'EPERM') throw error;
    }
  }
}
