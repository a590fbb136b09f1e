// Names that look like checkpoints and are none: what a scan leaves out is reported, never passed over.

import { join } from 'node:path';
import type { DirectoryEntry } from '../../runtime/file-system.js';
import { statIfExists } from '../../runtime/small-files.js';
import type { SkippedEntry } from '../checkpoint-store.js';
import { checkpointName, idOfCheckpointName, manifestFile } from '../layout.js';
import type { StorePorts } from './ports.js';

/** The entries of the store's directory that `idOfCheckpointName` refuses, each with the reason. */
export async function skippedAmong(
  { fileSystem, layout }: StorePorts,
  entries: readonly DirectoryEntry[],
): Promise<readonly SkippedEntry[]> {
  const skipped: SkippedEntry[] = [];
  for (const { name, kind } of [...entries].sort((left, right) =>
    left.name < right.name ? -1 : 1,
  )) {
    const why = reasonFor(name);
    if (why === undefined) continue;
    const manifest = join(layout.directory, name, manifestFile);
    const hasManifest =
      kind === 'directory' && (await statIfExists(fileSystem, manifest)) !== undefined;
    skipped.push({ name, why, hasManifest, isAboveAll: hasManifest && isAboveAll(name) });
  }
  return skipped;
}

/** Undefined for names that are no business of checkpoints, and for checkpoints. */
function reasonFor(name: string): string | undefined {
  if (!name.toLowerCase().startsWith(prefix) || idOfCheckpointName(name) !== undefined) {
    return undefined;
  }
  const digits = /^\d+$/.exec(name.slice(prefix.length))?.[0];
  if (digits === undefined) return `it has no id: a checkpoint is named ${checkpointName(42)}`;
  if (BigInt(digits) > Number.MAX_SAFE_INTEGER) {
    return 'its id is above 2^53-1 (9007199254740991), which tidegate keeps exactly';
  }
  if (BigInt(digits) === 0n) return 'its id is 0, which no checkpoint has';
  return `checkpoint ${Number(digits)} is spelled ${checkpointName(Number(digits))}`;
}

function isAboveAll(name: string): boolean {
  const digits = /^\d+$/.exec(name.slice(prefix.length))?.[0];
  return digits !== undefined && BigInt(digits) > Number.MAX_SAFE_INTEGER;
}

const prefix = checkpointName(0).slice(0, -6);
