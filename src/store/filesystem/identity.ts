// The store's identity: made once, by its first owner, and compared ever after; found in the manifests where its file is gone.

import { publishFile } from '../../durable-directory/fence.js';
import { TidegateError } from '../../errors.js';
import { storeId, type StoreId } from '../../ids.js';
import { errnoOf, readSmallFile } from '../../runtime/file-system.js';
import type { Claim } from './generations.js';
import type { StorePorts } from './ports.js';
import { statIfExists, unlessMissing } from '../../runtime/small-files.js';
import { newUuid } from '../../runtime/uuid.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import { idOfCheckpointName } from '../layout.js';
import { toStoreError } from '../store-error.js';
import { readManifest } from './read-manifest.js';

export interface StoreIdentity {
  readonly storeId: StoreId;
  readonly pipeline: string;
}

const formatVersion = 1;
const maxIdentityBytes = 65_536;

/** Undefined in a directory that tidegate has never owned. */
export async function readIdentity({
  fileSystem,
  layout,
}: StorePorts): Promise<StoreIdentity | undefined> {
  const folder = await statIfExists(fileSystem, layout.ownFolder);
  if (folder === undefined) return undefined;
  if (folder.kind !== 'directory') {
    throw new TidegateError('TIDEGATE_STORE_CORRUPT', `${layout.ownFolder} is not a directory`);
  }
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readSmallFile(fileSystem, layout.identity, maxIdentityBytes);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  // Never treated as missing: another id would make every sink refuse this store.
  const identity = bytes === undefined ? undefined : parseIdentity(bytes);
  if (identity !== undefined) return identity;
  throw new TidegateError(
    'TIDEGATE_STORE_CORRUPT',
    `${layout.identity} is not a store identity: put it aside, the checkpoints name the store, too`,
  );
}

/** @throws TidegateError `TIDEGATE_STORE_PIPELINE` when the store belongs to another pipeline. */
export function checkPipeline(
  { layout }: StorePorts,
  identity: StoreIdentity | undefined,
  pipeline: string,
): void {
  if (identity === undefined || identity.pipeline === pipeline) return;
  throw new TidegateError(
    'TIDEGATE_STORE_PIPELINE',
    `the store ${identity.storeId} in ${layout.directory} belongs to pipeline ${JSON.stringify(identity.pipeline)}, ` +
      `not to ${JSON.stringify(pipeline)}`,
    { details: { stored: identity.pipeline, asked: pipeline } },
  );
}

/**
 * Writes the identity of a store. Visible whole or not at all, and only from the staging
 * directory of a generation, so that two first owners cannot make two; durable with the sync of the
 * folder that ends `open`, before the id is used anywhere.
 */
export async function writeIdentity(
  { fileSystem, layout }: StorePorts,
  { staging }: Claim,
  identity: StoreIdentity,
): Promise<void> {
  const bytes = Buffer.from(JSON.stringify({ formatVersion, ...identity }));
  await publishFile(fileSystem, staging, layout.identity, bytes);
}

/** Of a store that there was not before. */
export function newIdentity({ random, clock }: StorePorts, pipeline: string): StoreIdentity {
  return { storeId: storeId(newUuid(clock, random)), pipeline };
}

function parseIdentity(bytes: Uint8Array): StoreIdentity | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { storeId: id, pipeline } = value as Record<string, unknown>;
    if (typeof id !== 'string' || id === '' || typeof pipeline !== 'string') return undefined;
    return { storeId: storeId(id), pipeline };
  } catch {
    return undefined;
  }
}

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
