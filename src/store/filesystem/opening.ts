// Opening a store to own it: claim, fence, make durable what can be seen, and only then look.

import { makeDirectories, syncAncestors } from '../../runtime/small-files.js';
import { idOfCheckpointName } from '../layout.js';
import type { Claim } from './generations.js';
import {
  checkPipeline,
  newIdentity,
  readIdentity,
  writeIdentity,
  type StoreIdentity,
  identityInManifests,
} from './identity.js';
import type { StorePorts } from './ports.js';

export interface Ownership extends StoreIdentity {
  readonly claim: Claim;
}

/** Makes the store's directory and own folder where they are missing. Not yet durable. */
export async function makeStoreDirectories({ fileSystem, layout }: StorePorts): Promise<void> {
  await makeDirectories(fileSystem, layout.directory, [layout.ownFolder]);
  await fileSystem.listDirectory(layout.directory);
}

/**
 * Finishes what a claim began. When this returns, everything that can be seen in the store is
 * durable, and no older owner can change it.
 */
export async function settleOwnership(
  ports: StorePorts,
  claim: Claim,
  pipeline: string,
): Promise<Ownership> {
  const { fileSystem, layout } = ports;
  const stored = await readIdentity(ports);
  const identity = stored ?? (await identityInManifests(ports)) ?? newIdentity(ports, pipeline);
  checkPipeline(ports, identity, pipeline);
  if (stored === undefined) await writeIdentity(ports, claim, identity);
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
  await syncAncestors(ports.fileSystem, ports.layout.directory);
  await fileSystem.syncDirectory(layout.directory);
  for (const { name, kind } of await fileSystem.listDirectory(layout.directory)) {
    const id = idOfCheckpointName(name);
    if (id === undefined || kind !== 'directory') continue;
    await fileSystem.syncDirectory(layout.checkpoint(id));
  }
}
