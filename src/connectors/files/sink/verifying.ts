// Prepared output is compared with its commit record before it becomes visible.

import { createHash } from 'node:crypto';
import { TidegateError } from '../../../errors.js';
import type { FileSystem } from '../../../runtime/file-system.js';
import { blocksOf } from '../../staging/staged-output.js';
import type { PartFacts } from './commit-record.js';

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
