// The file system port on node:fs.

import { constants, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import PQueue from 'p-queue';
import { errnoOf } from './file-system.js';
import type { DirectoryEntry, FileFacts, FileIdentity } from './file-system.js';
import type { FileKind, FileSystem } from './file-system.js';
import type { ReadableFile, WritableFile } from './file-system.js';

/** The file system of the machine. POSIX only: directories are synced through a read-only handle. */
export const nodeFileSystem: FileSystem = {
  async createFile(path, visibility) {
    const mode = visibility === 'shared' ? 0o666 : 0o600;
    return new NodeWritableFile(await fs.open(path, createFlags, mode));
  },
  openFile: openForReading,
  makeDirectory: (path, visibility) =>
    fs.mkdir(path, { mode: visibility === 'shared' ? 0o777 : 0o700 }),
  listDirectory,
  rename: (from, to) => fs.rename(from, to),
  removeFile: (path) => fs.unlink(path),
  removeDirectory: (path) => fs.rmdir(path),
  syncDirectory,
  async stat(path) {
    return factsOf(await fs.lstat(path));
  },
  briefly: async (work) => brief.add(work),
  touch: (path, modifiedMs) => fs.lutimes(path, modifiedMs / 1_000, modifiedMs / 1_000),
};

/** Files that are open at once for a moment, in the process: well below the 128 of a strict limit. */
const brief = new PQueue({ concurrency: 32 });

const createFlags =
  constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;

// O_NONBLOCK: opening a named pipe in the place of a file would otherwise wait for a writer
// without end.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

class NodeWritableFile implements WritableFile {
  constructor(private readonly handle: fs.FileHandle) {}

  async write(bytes: Uint8Array): Promise<void> {
    let written = 0;
    // A write may be short, for example when the disk is nearly full.
    while (written < bytes.byteLength) {
      const outcome = await this.handle.write(bytes, written, bytes.byteLength - written);
      written += outcome.bytesWritten;
    }
  }

  sync(): Promise<void> {
    return this.handle.datasync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

class NodeReadableFile implements ReadableFile {
  constructor(
    private readonly handle: fs.FileHandle,
    readonly byteLength: number,
    readonly identity: FileIdentity,
  ) {}

  async read(target: Uint8Array, byteOffset: number): Promise<number> {
    let filled = 0;
    while (filled < target.byteLength) {
      const wanted = target.byteLength - filled;
      const { bytesRead } = await this.handle.read(target, filled, wanted, byteOffset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

async function openForReading(path: string): Promise<ReadableFile> {
  const handle = await fs.open(path, readFlags).catch((error: unknown) => {
    // A socket cannot be opened at all: it is no regular file, not a disk that does not answer.
    throw errnoOf(error) === 'ENXIO' ? errno('ELOOP', 'not a regular file', path) : error;
  });
  try {
    // As BigInts: an inode may be above 2^53.
    const stats = await handle.stat({ bigint: true });
    const kind = kindOf(stats);
    if (kind === 'file') {
      const identity = { device: String(stats.dev), inode: String(stats.ino) };
      return new NodeReadableFile(handle, Number(stats.size), identity);
    }
    throw errno(kind === 'directory' ? 'EISDIR' : 'ELOOP', 'not a regular file', path);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function listDirectory(path: string): Promise<readonly DirectoryEntry[]> {
  // readdir follows a link in the last component; a store never looks outside its directory.
  const stats = await fs.lstat(path);
  if (stats.isSymbolicLink()) throw errno('ENOTDIR', linkWayOut, path);
  if (!stats.isDirectory()) throw errno('ENOTDIR', 'not a directory', path);
  const entries = await fs.readdir(path, { withFileTypes: true });
  return entries.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
}

const linkWayOut = 'a symbolic link, not a directory; give the path that it points to';

function syncDirectory(path: string): Promise<void> {
  return brief.add(() => syncOpened(path));
}

async function syncOpened(path: string): Promise<void> {
  const handle = await fs.open(path, directoryFlags);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function factsOf(stats: Stats): FileFacts {
  const { size: byteLength, mtimeMs: modifiedMs, uid: ownerId } = stats;
  const userId = process.geteuid?.();
  const facts = { kind: kindOf(stats), byteLength, modifiedMs };
  if (userId === undefined) return facts;
  return { ...facts, access: { mode: stats.mode & 0o7777, ownerId, userId } };
}

function kindOf(entry: { isFile(): boolean; isDirectory(): boolean }): FileKind {
  if (entry.isFile()) return 'file';
  return entry.isDirectory() ? 'directory' : 'other';
}

function errno(code: string, what: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${what}, '${path}'`), { code, path });
}
