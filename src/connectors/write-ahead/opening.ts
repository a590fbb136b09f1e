// Taking a write-ahead directory: claim, fence, gather what was staged, make durable what can be seen, clean.

import { dirname, join } from 'node:path';
import {
  claimEntry,
  drawNonce,
  moveAway,
  numbersIn,
  removeEntry,
} from '../../durable-directory/fence.js';
import { toError } from '../../errors.js';
import type { SinkOwner } from '../../contracts/sink.js';
import { errnoOf } from '../../runtime/file-system.js';
import { mkdirIfMissing, namesIn, refuseLink, unlessMissing } from '../../runtime/small-files.js';
import {
  createFirstIdentity,
  fenced,
  settleUnderFence,
  type StagingPorts,
} from '../staging/opening.js';
import { checkIdentity, readIdentity } from '../staging/sink-identity.js';
import {
  generationOfOwner,
  generationOfStaging,
  readStagedName,
  type WriteAheadLayout,
} from './layout.js';

export type OpeningPorts = StagingPorts<WriteAheadLayout>;

/**
 * Fences every older generation of this directory, and gives the owner's staging directory; the
 * wrapped sink fences its own. When it returns, everything that can be seen is durable.
 */
export async function takeDirectory(ports: OpeningPorts, owner: SinkOwner): Promise<string> {
  const { fileSystem, layout } = ports;
  checkIdentity(ports, await readIdentity(ports), owner);
  await refuseLink(fileSystem, layout.directory);
  for (const path of [layout.directory, layout.owners, layout.staging, layout.committed]) {
    await mkdirIfMissing(fileSystem, path);
  }
  // Also when they were there: an earlier opening may have ended before it synced them.
  await fileSystem.syncDirectory(dirname(layout.directory));
  await fileSystem.syncDirectory(layout.directory);
  const staging = await claim(ports, owner);
  try {
    await fenceOlder(ports, owner, staging);
    await settle(ports, owner, staging);
    await removeOlderOwners(ports, owner);
    return staging;
  } catch (error) {
    // What is missing under the own directory is missing because a newer owner has moved it.
    if (errnoOf(error) === 'ENOENT') await requireNewest(ports, owner);
    throw error;
  }
}

async function claim(ports: OpeningPorts, owner: SinkOwner): Promise<string> {
  const { fileSystem, layout, random } = ports;
  const { generation } = owner;
  await requireNewest(ports, owner);
  const isFirst = await claimEntry(fileSystem, layout.ownerOf(generation));
  if (!isFirst) throw fenced(ports, generation, { newer: generation });
  await fileSystem.syncDirectory(layout.owners);
  const staging = layout.stagingOf(generation, drawNonce(random));
  await fileSystem.makeDirectory(staging);
  await fileSystem.syncDirectory(layout.staging);
  // Looked at again: of two owners that came at once the older one must not go on, and the newer one
  // has made its claim before it looks for directories to move.
  await requireNewest(ports, owner);
  return staging;
}

async function fenceOlder(
  { fileSystem, layout }: OpeningPorts,
  owner: SinkOwner,
  staging: string,
): Promise<void> {
  for (const name of await namesIn(fileSystem, layout.staging)) {
    const older = generationOfStaging(name);
    if (older === undefined || older >= owner.generation) continue;
    await moveAway(fileSystem, join(layout.staging, name), join(staging, name));
  }
}

/**
 * Only now: the own entry is durable. What cannot be removed is left, a bounded number at a time:
 * an opening must not wait for the work of years.
 */
async function removeOlderOwners(
  { fileSystem, layout, logger }: OpeningPorts,
  owner: SinkOwner,
): Promise<void> {
  const names = await namesIn(fileSystem, layout.owners);
  const older = names.filter((name) => (generationOfOwner(name) ?? Infinity) < owner.generation);
  try {
    for (const name of older.slice(0, maxRemoved)) {
      await unlessMissing(fileSystem.removeDirectory(join(layout.owners, name)));
    }
  } catch (error) {
    const path = layout.owners;
    logger.warn({ path, err: toError(error) }, 'could not clean up after an older owner');
  }
}

const maxRemoved = 10_000;

async function settle(ports: OpeningPorts, owner: SinkOwner, own: string): Promise<void> {
  const { fileSystem, layout } = ports;
  const isFirst = await settleUnderFence(ports, owner, {
    isKept: (name) => readStagedName(name) !== undefined,
    visible: [own, layout.staging, layout.committed, layout.directory],
  });
  for (const { name, kind } of await fileSystem.listDirectory(own)) {
    if (kind === 'directory') await removeEntry(fileSystem, join(own, name), kind);
  }
  if (isFirst) await createFirstIdentity(ports, own, owner);
}

/** @throws TidegateError `TIDEGATE_FENCED` when a newer owner has come. */
async function requireNewest(ports: OpeningPorts, { generation }: SinkOwner): Promise<void> {
  const { fileSystem, layout } = ports;
  const newer = (await numbersIn(fileSystem, layout.owners, generationOfOwner)).at(-1) ?? 0;
  if (newer > generation) throw fenced(ports, generation, { newer });
}
