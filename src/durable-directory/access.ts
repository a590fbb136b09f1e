// Who else may change a directory that tidegate relies on: reported, never refused.

import { dirname } from 'node:path';
import type { FileAccess, FileSystem } from '../runtime/file-system.js';
import { statIfExists } from '../runtime/small-files.js';

/**
 * A sentence for each directory that another user could change. A manifest that somebody else can
 * replace decides what sinks commit, so people have to know; whether it matters on this machine is
 * theirs to say.
 *
 * @param directories The outermost first; what is above that one is looked at, too.
 */
export async function accessWarnings(
  fileSystem: FileSystem,
  directories: readonly [outermost: string, ...inside: string[]],
): Promise<readonly string[]> {
  const warnings: string[] = [];
  const parent = dirname(directories[0]);
  const above = (await statIfExists(fileSystem, parent))?.access;
  if (above !== undefined && isWorldWritable(above) && (above.mode & stickyBit) === 0) {
    warnings.push(
      `${parent} is writable by every user, who could replace ${directories[0]}: chmod o-w ${parent}`,
    );
  }
  for (const path of directories) {
    const access = (await statIfExists(fileSystem, path))?.access;
    if (access === undefined) continue;
    if (isWorldWritable(access)) {
      warnings.push(`${path} is writable by every user (mode ${octal(access)}): chmod o-w ${path}`);
    }
    if (isForeign(access)) {
      warnings.push(
        `${path} belongs to user ${access.ownerId}, and this process runs as user ${access.userId}: ` +
          `that user can change what is in it; chown it, or run as its owner`,
      );
    }
  }
  return warnings;
}

/** Root can change everything anyway. */
function isForeign({ ownerId, userId }: FileAccess): boolean {
  return ownerId !== userId && ownerId !== 0;
}

function isWorldWritable({ mode }: FileAccess): boolean {
  return (mode & 0o002) !== 0;
}

/** Only the owner of a name in such a directory may rename it, as in `/tmp`. */
const stickyBit = 0o1000;

function octal({ mode }: FileAccess): string {
  return `0${(mode & 0o7777).toString(8)}`;
}
