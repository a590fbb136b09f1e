// Publishing committed output: a rename that may be repeated, and its sync.

import { join } from 'node:path';
import { unlessMissing } from '../../../runtime/small-files.js';
import { idOfPartName } from './layout.js';
import type { FileSinkPorts } from './ports.js';

/**
 * Moves the output of these checkpoints from the staging directory to where readers find it. Only
 * for checkpoints whose marker is durable: published output that a power loss makes uncommitted
 * again would be written twice.
 */
export async function publishParts(
  { fileSystem, layout }: FileSinkPorts,
  staging: string,
  ids: ReadonlySet<number>,
): Promise<void> {
  const entries = (await unlessMissing(fileSystem.listDirectory(staging))) ?? [];
  for (const { name } of entries) {
    const id = idOfPartName(name);
    if (id === undefined || !ids.has(id)) continue;
    // Missing: another call of this commit, or a newer owner, has published it.
    await unlessMissing(fileSystem.rename(join(staging, name), layout.published(name)));
  }
  await fileSystem.syncDirectory(layout.directory);
}
