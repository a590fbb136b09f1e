// Prepared output is compared with its commit record before it becomes visible.

import { createHash } from 'node:crypto';
import { TidegateError } from '../../../errors.js';
import type { FileSystem } from '../../../runtime/file-system.js';
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
  const file = await fileSystem.openFile(path);
  try {
    const hash = createHash('sha256');
    const block = new Uint8Array(Math.min(blockBytes, file.byteLength));
    let byteLength = 0;
    while (byteLength < file.byteLength) {
      const filled = await file.read(block, byteLength);
      if (filled === 0) break;
      hash.update(block.subarray(0, filled));
      byteLength += filled;
    }
    return { byteLength, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}
