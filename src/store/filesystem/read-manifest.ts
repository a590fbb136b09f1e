// Reads the manifest of one checkpoint, and checks that it belongs to the directory that it lies in.

import { TidegateError } from '../../errors.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import { readSmallFile } from '../../runtime/file-system.js';
import type { StorePorts } from './ports.js';

/**
 * The manifest of a checkpoint, which must be the one that its directory is named after. Rejects
 * with `ENOENT` when there is none.
 */
export async function readManifest(
  { fileSystem, layout, maxManifestBytes, verified }: StorePorts,
  id: number,
): Promise<CheckpointManifest> {
  const directory = await fileSystem.stat(layout.checkpoint(id));
  // A link in the place of the directory would lead outside the store.
  if (directory.kind !== 'directory') throw notADirectory(layout.checkpoint(id));
  const bytes = await readSmallFile(fileSystem, layout.manifest(id), maxManifestBytes);
  if (bytes === undefined) {
    throw new TidegateError(
      'TIDEGATE_MANIFEST_TOO_LARGE',
      `${layout.manifest(id)} has more than ${maxManifestBytes} bytes`,
    );
  }
  const manifest = verified.parse(id, bytes, { maxBytes: maxManifestBytes });
  if (manifest.checkpointId === id) return manifest;
  throw new TidegateError(
    'TIDEGATE_STORE_CORRUPT',
    `${layout.manifest(id)} is the manifest of checkpoint ${manifest.checkpointId}`,
  );
}

export function notADirectory(path: string): TidegateError {
  return new TidegateError('TIDEGATE_STORE_CORRUPT', `${path} is not a directory`);
}
