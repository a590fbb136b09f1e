// The manifest in a file that a person names, or on standard input.

import { parseManifest, defaultMaxManifestBytes } from '../manifest/parse.js';
import type { CheckpointManifest } from '../manifest/types.js';
import { toError } from '../errors.js';
import { collectAtMost, readUserFile } from '../runtime/user-paths.js';
import { CommandError } from './problems.js';

/**
 * @param path `-` reads standard input.
 * @throws ManifestError when it cannot be parsed, CommandError when it cannot be read.
 */
export async function readManifestFile(path: string): Promise<CheckpointManifest> {
  const bytes = await read(path);
  if (bytes === undefined) {
    throw new CommandError(`${path} has more than ${defaultMaxManifestBytes} bytes`);
  }
  return parseManifest(bytes);
}

async function read(path: string): Promise<Uint8Array | undefined> {
  try {
    if (path === '-') return await collectAtMost(process.stdin, defaultMaxManifestBytes);
    return await readUserFile(path, defaultMaxManifestBytes);
  } catch (error) {
    throw new CommandError(`${path} cannot be read: ${toError(error).message}`, undefined, error);
  }
}
