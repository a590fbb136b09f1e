// Publishing committed output, compared with its record: a rename that may be repeated, and its sync.

import { TidegateError } from '../../../errors.js';
import type { FileSystem } from '../../../runtime/file-system.js';
import { namesIn, unlessMissing } from '../../../runtime/small-files.js';
import { blocksOf } from '../../staging/staged-output.js';
import { type PartFacts, readRecord } from './commit-record.js';
import { type FileSinkPorts, idOfPartName } from './layout.js';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

/**
 * Moves the output of these checkpoints from the staging directory to where readers find it. Only
 * for checkpoints whose marker is durable: published output that a power loss makes uncommitted
 * again would be written twice.
 *
 * @param verified Whether the output was compared with its record by the caller, a moment ago.
 */
export async function publishParts(
  ports: FileSinkPorts,
  staging: string,
  { ids, verified }: { readonly ids: ReadonlySet<number>; readonly verified: boolean },
): Promise<void> {
  const { fileSystem, layout } = ports;
  const entries = (await unlessMissing(fileSystem.listDirectory(staging))) ?? [];
  for (const { name } of entries) {
    const id = idOfPartName(name);
    if (id === undefined || !ids.has(id)) continue;
    if (!verified) await requireAsCommitted(ports, staging, { name, id });
    // Missing: another call of this commit, or a newer owner, has published it.
    await unlessMissing(fileSystem.rename(join(staging, name), layout.published(name)));
  }
  await fileSystem.syncDirectory(layout.directory);
}

/** Days may lie between the commit point and the publishing: the process was killed between them. */
async function requireAsCommitted(
  { fileSystem, layout, logger }: FileSinkPorts,
  staging: string,
  { name, id }: { readonly name: string; readonly id: number },
): Promise<void> {
  const path = join(staging, name);
  const record = await unlessMissing(readRecord(fileSystem, layout.marker(id)));
  if (record === undefined) {
    // An older version folded the marker into the ledger, which keeps no digests.
    logger.warn({ path }, 'output is published without a look at its digest');
    return;
  }
  if (record.part?.name !== name) return;
  const wayOut =
    'its checkpoint is committed, so its input is not read again; bring the file back from a copy, ' +
    `or move it by hand to ${layout.published(name)} to accept it as it is`;
  await unlessMissing(requireUndamaged(fileSystem, path, { prepared: record.part, wayOut }));
}

/** Ids of the epochs whose output lies in the staging directory. */
export async function stagedParts(
  { fileSystem }: FileSinkPorts,
  staging: string,
): Promise<ReadonlySet<number>> {
  const ids = (await namesIn(fileSystem, staging)).map((name) => idOfPartName(name));
  return new Set(ids.filter((id) => id !== undefined));
}

const blockBytes = 1_048_576;

/**
 * Reads the whole file: a disk, or another program, may have changed it since it was synced.
 *
 * @param wayOut What a person can do about a difference.
 * @throws TidegateError `TIDEGATE_FILES_CORRUPT` with both digests; the file system's `ENOENT` passes.
 */
export async function requireUndamaged(
  fileSystem: FileSystem,
  path: string,
  { prepared, wayOut }: { readonly prepared: PartFacts; readonly wayOut: string },
): Promise<void> {
  const found = await digestOf(fileSystem, path);
  if (found.byteLength === prepared.byteLength && found.sha256 === prepared.sha256) return;
  throw new TidegateError(
    'TIDEGATE_FILES_CORRUPT',
    `${path} was damaged after it was prepared: it has ${found.byteLength} bytes with SHA-256 ` +
      `${found.sha256}, and ${prepared.byteLength} bytes with SHA-256 ${prepared.sha256} were ` +
      `prepared; it was not published: ${wayOut}`,
    { details: { path, expected: prepared.sha256, found: found.sha256 } },
  );
}

async function digestOf(
  fileSystem: FileSystem,
  path: string,
): Promise<Pick<PartFacts, 'byteLength' | 'sha256'>> {
  const hash = createHash('sha256');
  let byteLength = 0;
  for await (const block of blocksOf(fileSystem, path, blockBytes)) {
    hash.update(block);
    byteLength += block.byteLength;
  }
  return { byteLength, sha256: hash.digest('hex') };
}
