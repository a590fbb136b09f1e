// Small moves on files that several parts of the store make.

import { errnoOf, type FileFacts, type FileSystem } from '../../runtime/file-system.js';

/** What is there, or undefined when nothing is. */
export async function factsOrNothing(
  fileSystem: FileSystem,
  path: string,
): Promise<FileFacts | undefined> {
  return unlessMissing(fileSystem.facts(path));
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

/** Writes a new file; with `sync` its bytes are on the disk before it gets its final name. */
export async function writeNewFile(
  fileSystem: FileSystem,
  path: string,
  bytes: Uint8Array,
  options: { readonly sync: boolean },
): Promise<void> {
  const file = await fileSystem.createFile(path);
  try {
    await file.write(bytes);
    if (options.sync) await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Removes a directory and what is in it; a link is removed, never followed. Only for directories
 * that no reader can find any more.
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
