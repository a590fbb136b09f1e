// Small moves on files that stores and connectors make.

import { dirname } from 'node:path';
import {
  briefly,
  errnoOf,
  type FileFacts,
  type FileSystem,
  type Visibility,
} from './file-system.js';

/** What is there, or undefined when nothing is. */
export async function statIfExists(
  fileSystem: FileSystem,
  path: string,
): Promise<FileFacts | undefined> {
  return unlessMissing(fileSystem.stat(path));
}

/** The outcome of a call, or undefined when what it looked for is not there. */
export async function unlessMissing<Value>(call: Promise<Value>): Promise<Value | undefined> {
  try {
    return await call;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The names in a directory; none when there is no directory. */
export async function namesIn(fileSystem: FileSystem, path: string): Promise<readonly string[]> {
  const entries = (await unlessMissing(fileSystem.listDirectory(path))) ?? [];
  return entries.map(({ name }) => name);
}

/** Makes a directory, unless it is there, or another process has made it meanwhile. */
export async function mkdirIfMissing(
  fileSystem: FileSystem,
  path: string,
  visibility?: Visibility,
): Promise<void> {
  try {
    await fileSystem.makeDirectory(path, visibility);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/**
 * Makes a directory, what is missing above it, and the folders inside it. Not yet durable.
 *
 * @param visibility Of the directory itself; those above it are shared, those inside it private.
 */
export async function makeDirectories(
  fileSystem: FileSystem,
  directory: string,
  inside: readonly string[],
  visibility: Visibility = 'private',
): Promise<void> {
  await refuseLink(fileSystem, directory);
  const missing: string[] = [];
  let above = directory;
  while ((await statIfExists(fileSystem, above)) === undefined) {
    missing.push(above);
    above = dirname(above);
  }
  for (const path of missing.reverse()) {
    await mkdirIfMissing(fileSystem, path, path === directory ? visibility : 'shared');
  }
  for (const path of inside) await mkdirIfMissing(fileSystem, path);
}

/**
 * Rejects with `ENOTDIR` where something else than a directory has its name, before anything is made
 * in it: a link is followed by some calls and not by others.
 */
export async function refuseLink(fileSystem: FileSystem, directory: string): Promise<void> {
  const facts = await statIfExists(fileSystem, directory);
  if (facts === undefined || facts.kind === 'directory') return;
  // Listing says what is there instead.
  await fileSystem.listDirectory(directory);
}

/**
 * Makes the names of a directory and of those above it durable: the process that made them may
 * have died before it synced them. Those above often belong to another user, and cannot be opened.
 */
export async function syncAncestors(fileSystem: FileSystem, directory: string): Promise<void> {
  let path = directory;
  while (dirname(path) !== path) {
    path = dirname(path);
    try {
      await fileSystem.syncDirectory(path);
    } catch (error) {
      if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'EPERM') throw error;
    }
  }
}

/** The object that a small JSON file holds; undefined for anything else, such as a torn file. */
export function parseJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  return value as Record<string, unknown>;
}

/** Writes a new file; with `sync` its bytes are on the disk before it gets its final name. */
export async function writeNewFile(
  fileSystem: FileSystem,
  path: string,
  bytes: Uint8Array,
  options: { readonly sync: boolean },
): Promise<void> {
  await briefly(fileSystem, async () => {
    const file = await fileSystem.createFile(path);
    try {
      await file.write(bytes);
      if (options.sync) await file.sync();
    } finally {
      await file.close();
    }
  });
}

/**
 * Removes a directory and what is in it; a link is removed, never followed. Only for directories
 * that no reader can find.
 */
export async function removeTree(fileSystem: FileSystem, path: string): Promise<void> {
  const entries = (await unlessMissing(fileSystem.listDirectory(path))) ?? [];
  for (const { name, kind } of entries) {
    const child = `${path}/${name}`;
    if (kind === 'directory') await removeTree(fileSystem, child);
    else await unlessMissing(fileSystem.removeFile(child));
  }
  await unlessMissing(fileSystem.removeDirectory(path));
}
