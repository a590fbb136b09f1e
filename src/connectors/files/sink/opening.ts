// Opening a file sink to own it: claim, fence, make durable what can be seen, roll forward, clean.

import { join } from 'node:path';
import type { SinkOwner } from '../../../contracts/sink.js';
import { TidegateError, toError } from '../../../errors.js';
import { errnoOf } from '../../../runtime/file-system.js';
import {
  makeDirectories,
  removeTree,
  syncAncestors,
  unlessMissing,
} from '../../../runtime/small-files.js';
import { checkIdentity, createIdentity, readIdentity } from '../../sink-identity.js';
import {
  generationOfName,
  idOfPartName,
  idOfPreparedName,
  inheritedName,
  stagingName,
} from './layout.js';
import { isCommitted, newestCommitted } from '../../marker-files.js';
import type { FileSinkPorts } from './ports.js';
import { wholePrepared } from './prepared.js';
import { publishParts } from './publishing.js';

/**
 * Takes the sink for one generation and gives its staging directory. When it returns, no call of an
 * older generation can take effect any more, everything that can be seen is durable, and the output
 * of every committed checkpoint is published.
 */
export async function takeSink(ports: FileSinkPorts, owner: SinkOwner): Promise<string> {
  checkIdentity(ports, await readIdentity(ports), owner);
  const { directory, ownFolder, committed } = ports.layout;
  await makeDirectories(ports.fileSystem, directory, [ownFolder, committed], 'shared');
  const staging = await claim(ports, owner.generation);
  await fenceOlder(ports, owner.generation, staging);
  // Read again under the fence: another store may have been the first in the meantime.
  const identity = await readIdentity(ports);
  checkIdentity(ports, identity, owner);
  await gather(ports, staging, staging);
  await syncWhatIsVisible(ports, staging);
  await rollForward(ports, staging);
  await clean(ports, staging);
  if (identity === undefined) await createFirstIdentity(ports, staging, owner);
  return staging;
}

/** Numbers of the generations that have a directory, ascending. */
async function seeGenerations({ fileSystem, layout }: FileSinkPorts): Promise<readonly number[]> {
  const entries = (await unlessMissing(fileSystem.listDirectory(layout.ownFolder))) ?? [];
  return entries
    .map(({ name }) => generationOfName(name))
    .filter((number) => number !== undefined)
    .sort((left, right) => left - right);
}

/** @param newer The generation that has taken over, when it is known. */
export function fenced(ports: FileSinkPorts, generation: number, newer?: number): TidegateError {
  const what = `generation ${generation} of the sink in ${ports.layout.directory}`;
  const by = newer === undefined ? 'a newer one' : `generation ${newer}`;
  return new TidegateError(
    'TIDEGATE_FENCED',
    newer === generation
      ? `${what} was opened before: by another sink in this directory, by the owner of a copy of ` +
          'the store, or by a call whose answer was lost'
      : `${what} was overtaken by ${by}`,
    { details: { generation } },
  );
}

async function claim(ports: FileSinkPorts, generation: number): Promise<string> {
  const { fileSystem, layout, random } = ports;
  const highest = (await seeGenerations(ports)).at(-1) ?? 0;
  if (highest >= generation) throw fenced(ports, generation, highest);
  try {
    await fileSystem.makeDirectory(layout.generation(generation));
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw fenced(ports, generation, generation);
    throw error;
  }
  const nonce = Buffer.from(random.bytes(8)).toString('hex');
  const staging = join(layout.generation(generation), stagingName(nonce));
  await orFenced(ports, generation, fileSystem.makeDirectory(staging));
  return staging;
}

/** Moves every older generation into the staging directory of this one. */
async function fenceOlder(
  ports: FileSinkPorts,
  generation: number,
  staging: string,
): Promise<void> {
  const { fileSystem, layout } = ports;
  // Before anything is moved in: a power loss that kept the move and lost the directory it went to
  // would take all prepared output with it.
  await orFenced(ports, generation, fileSystem.syncDirectory(layout.generation(generation)));
  await fileSystem.syncDirectory(layout.ownFolder);
  for (;;) {
    const seen = await seeGenerations(ports);
    const highest = seen.at(-1);
    if (highest !== generation) throw fenced(ports, generation, highest);
    if (seen.length === 1) return;
    for (const older of seen.slice(0, -1)) {
      // Missing: an owner between that one and us has moved it, and is moved next.
      const away = join(staging, inheritedName(older));
      await unlessMissing(fileSystem.rename(layout.generation(older), away));
    }
  }
}

/** Brings prepared output up from the directories of older generations, however deep they lie. */
async function gather(ports: FileSinkPorts, from: string, staging: string): Promise<void> {
  const { fileSystem } = ports;
  for (const { name, kind } of await fileSystem.listDirectory(from)) {
    const path = join(from, name);
    if (kind === 'directory') {
      await gather(ports, path, staging);
      continue;
    }
    const isKept = idOfPreparedName(name) !== undefined || idOfPartName(name) !== undefined;
    if (isKept && from !== staging) await fileSystem.rename(path, join(staging, name));
  }
}

/**
 * Visible is not durable: an older owner may have died between a rename and its sync. Nothing that
 * is answered from now on may vanish when the power fails; and what lies in the older directories
 * goes only after the renames that took something out of them are durable.
 */
async function syncWhatIsVisible(ports: FileSinkPorts, staging: string): Promise<void> {
  const { fileSystem, layout } = ports;
  await fileSystem.syncDirectory(staging);
  await fileSystem.syncDirectory(layout.committed);
  await fileSystem.syncDirectory(layout.ownFolder);
  await fileSystem.syncDirectory(layout.directory);
}

/** Publishes what was committed by an owner that did not get round to it. */
async function rollForward(ports: FileSinkPorts, staging: string): Promise<void> {
  const committed: number[] = [];
  for (const { name } of await ports.fileSystem.listDirectory(staging)) {
    const id = idOfPartName(name);
    if (id !== undefined && (await isCommitted(ports, id))) committed.push(id);
  }
  if (committed.length === 0) return;
  await publishParts(ports, staging, { ids: new Set(committed), verified: false });
}

/** Removes what nobody can commit. What cannot be removed is left: rubbish never shuts a sink. */
async function clean(ports: FileSinkPorts, staging: string): Promise<void> {
  const { fileSystem, logger } = ports;
  const prepared = new Set((await wholePrepared(ports, staging)).map(({ id }) => id));
  for (const { name, kind } of await fileSystem.listDirectory(staging)) {
    const path = join(staging, name);
    const id = idOfPartName(name) ?? idOfPreparedName(name);
    if (id !== undefined && prepared.has(id)) continue;
    try {
      if (kind === 'directory') await removeTree(fileSystem, path);
      else await unlessMissing(fileSystem.removeFile(path));
    } catch (error) {
      logger.warn('could not clean up after an older generation', { path, error: toError(error) });
    }
  }
}

async function createFirstIdentity(
  ports: FileSinkPorts,
  staging: string,
  owner: SinkOwner,
): Promise<void> {
  if ((await newestCommitted(ports)) !== undefined) {
    throw new TidegateError(
      'TIDEGATE_FILES_CORRUPT',
      `${ports.layout.directory} holds committed output but ${ports.layout.identity} is missing`,
    );
  }
  await syncAncestors(ports.fileSystem, ports.layout.directory);
  await createIdentity(ports, staging, owner);
}

/** A directory that was just made and is missing was renamed away by a newer owner. */
async function orFenced(
  ports: FileSinkPorts,
  generation: number,
  call: Promise<void>,
): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw fenced(ports, generation);
    throw error;
  }
}
