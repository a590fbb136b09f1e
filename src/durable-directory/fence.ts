// The fence of a durable directory, once for all of its users: the store, the file sink, write-ahead, PGlite.
//
// A durable directory is changed by one owner at a time, and each owner is a numbered generation. The
// users differ in names and in what they keep; they share these rules.
//
// 1. CLAIM. A generation is claimed by making one name that fails when it is taken: of several
//    processes one wins. Having won, an owner lists the generations again and gives up when a higher
//    one exists. The entry of the highest generation is never removed before a higher one is durable,
//    so a process that was paused and claims an old number finds the higher one.
// 2. STAGING. Everything unfinished lies in one staging directory whose name has a nonce that the
//    claim drew. Nothing makes a staging directory except right after its own claim.
// 3. ONE RENAME. Every visible change is one rename with one end in the owner's staging directory.
// 4. FENCE. A new owner renames the directories of older generations away, or into its own staging
//    directory, before it reads. A late rename of an older owner fails with `ENOENT`: it is fenced.
// 5. GATHER. What older generations had finished is moved up into the new staging directory.
// 6. SYNC. Visible is not durable: an older owner may have died between a rename and its sync. What
//    a new owner sees is synced before it is acted on.
// 7. CLEAN. Only then is removed what is left of older generations, because a power loss could bring
//    back a directory whose files are gone.
// 8. STILL CURRENT. An owner whose staging directory is missing was fenced.

import { basename, dirname, join } from 'node:path';
import { errnoOf, type FileSystem } from '../runtime/file-system.js';
import type { Random } from '../runtime/random.js';
import {
  namesIn,
  removeTree,
  statIfExists,
  unlessMissing,
  writeNewFile,
} from '../runtime/small-files.js';

/** Rule 1: the numbers that names in a directory have, ascending; none when there is no directory. */
export async function numbersIn(
  fileSystem: FileSystem,
  directory: string,
  numberOf: (name: string) => number | undefined,
): Promise<readonly number[]> {
  const names = await namesIn(fileSystem, directory);
  return names
    .map((name) => numberOf(name))
    .filter((number) => number !== undefined)
    .sort((left, right) => left - right);
}

/** Rule 1: makes the entry of a generation; false when another claim was first. */
export async function claimEntry(fileSystem: FileSystem, entry: string): Promise<boolean> {
  try {
    await fileSystem.makeDirectory(entry);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Rule 2: tells two claims of one number apart; 16 hexadecimal digits. */
export function drawNonce(random: Random): string {
  return Buffer.from(random.bytes(8)).toString('hex');
}

/** Rule 3: a file becomes visible whole, with its bytes durable. The directory is not yet synced. */
export async function publishFile(
  fileSystem: FileSystem,
  staging: string,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  const temporary = join(staging, basename(path));
  // Synced before it is renamed: otherwise the name survives a power loss with an empty file.
  await writeNewFile(fileSystem, temporary, bytes, { sync: true });
  await fileSystem.rename(temporary, path);
}

/** Rule 4: what was just made or listed and is missing was renamed away by a newer owner. */
export async function orFenced<Value>(
  call: Promise<Value>,
  fenced: (cause: unknown) => Error,
): Promise<Value> {
  try {
    return await call;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw fenced(error);
    throw error;
  }
}

/** Rule 4: renames the directory of an older generation away. Missing: another owner has moved it. */
export async function moveAway(fileSystem: FileSystem, from: string, to: string): Promise<void> {
  await unlessMissing(fileSystem.rename(from, to));
}

/** Rule 5: moves what is to be kept up into the staging directory, however deep it lies in it. */
export async function gather(
  fileSystem: FileSystem,
  staging: string,
  isKept: (name: string) => boolean,
): Promise<void> {
  const gatherFrom = async (place: string): Promise<void> => {
    for (const { name, kind } of await fileSystem.listDirectory(place)) {
      const path = join(place, name);
      if (kind === 'directory') await gatherFrom(path);
      else if (place !== staging && isKept(name)) {
        await fileSystem.rename(path, join(staging, name));
      }
    }
  };
  await gatherFrom(staging);
}

/** Rule 6. */
export async function syncDirectories(
  fileSystem: FileSystem,
  directories: readonly string[],
): Promise<void> {
  for (const path of directories) await fileSystem.syncDirectory(path);
}

/** Rule 7: removes a file or a directory with what is in it, whichever it is. */
export async function removeEntry(
  fileSystem: FileSystem,
  path: string,
  kind: 'file' | 'directory' | 'other',
): Promise<void> {
  if (kind === 'directory') await removeTree(fileSystem, path);
  else await unlessMissing(fileSystem.removeFile(path));
}

/** Rule 8. */
export async function isCurrent(fileSystem: FileSystem, staging: string): Promise<boolean> {
  return (await statIfExists(fileSystem, staging)) !== undefined;
}

/** The directory that a published file's name becomes durable in. */
export function syncParent(fileSystem: FileSystem, path: string): Promise<void> {
  return fileSystem.syncDirectory(dirname(path));
}
