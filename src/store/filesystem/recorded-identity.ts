// Whose store it is: what its own file says, or, where that is gone, what its newest manifest says.

import type { TidegateError } from '../../errors.js';
import { storeId } from '../../ids.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import { errnoOf } from '../../runtime/file-system.js';
import { unlessMissing } from '../../runtime/small-files.js';
import { idOfCheckpointName } from '../layout.js';
import { toStoreError } from '../store-error.js';
import { readIdentity, type StoreIdentity } from './identity.js';
import type { StorePorts } from './ports.js';
import { readManifest } from './read-manifest.js';

/** For those who only look. Undefined where nothing that can be read says whose store it is. */
export async function recordedIdentity(ports: StorePorts): Promise<StoreIdentity | undefined> {
  return (await readIdentity(ports)) ?? (await searchManifests(ports)).identity;
}

/**
 * For an owner, who makes an identity where there is none: a new id in the place of one that was
 * deleted would make every sink refuse the store for good. Undefined for a store in which tidegate
 * has written no checkpoint yet.
 *
 * @throws TidegateError what is wrong with the newest manifest, when none can be read.
 */
export async function identityInManifests(ports: StorePorts): Promise<StoreIdentity | undefined> {
  const { identity, problem } = await searchManifests(ports);
  if (problem !== undefined) throw problem;
  return identity;
}

interface Found {
  readonly identity?: StoreIdentity;
  /** Of the newest manifest, where there are manifests and none of them can be read. */
  readonly problem?: TidegateError;
}

async function searchManifests(ports: StorePorts): Promise<Found> {
  const { fileSystem, layout } = ports;
  const entries = (await unlessMissing(fileSystem.listDirectory(layout.directory))) ?? [];
  const ids = entries.flatMap(({ name }) => idOfCheckpointName(name) ?? []);
  let problem: TidegateError | undefined;
  let isForeign = false;
  for (const id of ids.sort((left, right) => right - left)) {
    const read = await readOne(ports, id);
    if (read === undefined) continue;
    if (read.manifest === undefined) {
      problem ??= read.problem;
      continue;
    }
    const own = read.manifest.tidegate;
    if (own === undefined || own.storeId === '') isForeign = true;
    else return { identity: { storeId: storeId(own.storeId), pipeline: own.pipeline } };
  }
  return problem === undefined || isForeign ? {} : { problem };
}

type ReadManifest =
  | { readonly manifest: CheckpointManifest }
  | { readonly manifest?: undefined; readonly problem: TidegateError };

/** Undefined where a crash has left a directory without a manifest. */
async function readOne(ports: StorePorts, id: number): Promise<ReadManifest | undefined> {
  try {
    return { manifest: await readManifest(ports, id) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    const problem = toStoreError(error, `reading ${ports.layout.manifest(id)}`);
    // A disk that does not answer says nothing about what it holds.
    if (problem.kind === 'retryable') throw problem;
    return { problem };
  }
}
