// The store's identity: made once, by the owner of the first generation, and compared ever after.

import { publishFile } from '../../durable-directory/fence.js';
import { TidegateError } from '../../errors.js';
import { storeId, type StoreId } from '../../ids.js';
import { errnoOf, readSmallFile } from '../../runtime/file-system.js';
import type { Claim } from './generations.js';
import type { StorePorts } from './ports.js';
import { statIfExists } from '../../runtime/small-files.js';
import { newUuid } from '../../runtime/uuid.js';

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
