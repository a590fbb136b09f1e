// Why a store cannot be owned, checked before anything is made: a start and a plan ask the same.

import { TidegateError } from '../../errors.js';
import { highestGeneration } from '../../ids.js';
import { seeGenerations } from './generations.js';
import { checkPipeline, readIdentity, identityInManifests } from './identity.js';
import type { StorePorts } from './ports.js';
import { join } from 'node:path';
import { type DirectoryEntry, errnoOf } from '../../runtime/file-system.js';
import { unlessMissing } from '../../runtime/small-files.js';
import { checkpointName, idOfCheckpointName, manifestFile, sidecarFile } from '../layout.js';

/**
 * A live owner is not looked for.
 *
 * @throws TidegateError for another layout, another pipeline's store, an identity that cannot be read,
 *   and for ids that leave no generation to go on with.
 */
export async function checkOwnable(ports: StorePorts, pipeline: string): Promise<void> {
  await refuseOtherLayouts(ports);
  const identity = (await readIdentity(ports)) ?? (await identityInManifests(ports));
  checkPipeline(ports, identity, pipeline);
  const { highest } = await seeGenerations(ports);
  if (highest < highestGeneration) return;
  throw new TidegateError(
    'TIDEGATE_GENERATIONS_EXHAUSTED',
    `generation ${highest + 1} is above ${highestGeneration}: the ids in ` +
      `${ports.layout.directory} reach up to the last one`,
  );
}

/**
 * LaminarDB lays its checkpoints out in two ways: a directory for each, as tidegate does, and for
 * object stores `manifests/manifest-000002.json` beside `checkpoints/state-000002.bin`. A directory
 * with checkpoints of its own is what it is, whatever else lies in it.
 *
 * @throws TidegateError `TIDEGATE_STORE_LAYOUT` naming what was found and the way out.
 */
export async function refuseOtherLayouts(ports: StorePorts): Promise<void> {
  const { fileSystem, layout } = ports;
  const entries = await look(ports, layout.directory);
  if (entries.some(({ name }) => idOfCheckpointName(name) !== undefined)) return;
  const own = await unlessMissing(fileSystem.stat(layout.identity).catch(notADirectory));
  if (own !== undefined) return;
  for (const folder of ['', 'manifests', 'checkpoints']) {
    const path = join(layout.directory, folder);
    const names = (folder === '' ? entries : await look(ports, path)).map(({ name }) => name);
    const object = names.find((name) => objectName.test(name));
    if (object !== undefined) throw objectLayout(layout.directory, join(path, object));
    if (folder !== 'checkpoints') continue;
    const below = names.find((name) => idOfCheckpointName(name) !== undefined);
    if (below !== undefined) throw oneLevelBelow(layout.directory, path, below);
  }
}

const objectName = /^(?:manifest-\d+\.json|state-\d+\.bin)$/;

/** Nothing where there is no directory: what is wrong there is found by who uses it. */
async function look({ fileSystem }: StorePorts, path: string): Promise<readonly DirectoryEntry[]> {
  try {
    return await fileSystem.listDirectory(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return [];
    throw error;
  }
}

function notADirectory(error: unknown): undefined {
  if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'ENOENT') return undefined;
  throw error;
}

function objectLayout(directory: string, found: string): TidegateError {
  const [one, other] = [checkpointName(2), 'manifests/manifest-000002.json'];
  return new TidegateError(
    'TIDEGATE_STORE_LAYOUT',
    `${directory} has the layout of LaminarDB's object stores (${found}), which tidegate does not ` +
      `read: copy each ${other} to ${one}/${manifestFile} of a new directory, and ` +
      `checkpoints/state-000002.bin to ${one}/${sidecarFile}, and open that; or open an empty one`,
    { details: { directory, found } },
  );
}

function oneLevelBelow(directory: string, below: string, name: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_STORE_LAYOUT',
    `${directory} holds no checkpoint, but ${below} does (${name}): open that directory, or one ` +
      'without the other in it',
    { details: { directory, found: join(below, name) } },
  );
}
