// Files behind a port: the few calls that durable code needs, each with its promise about crashes.

/** What a name in a directory is. Links are never followed, so a link is `other`. */
export type FileKind = 'file' | 'directory' | 'other';

/** A name in a directory, and what it is. */
export interface DirectoryEntry {
  readonly name: string;
  readonly kind: FileKind;
}

/** What `stat` says of a file, as far as the connectors need it. */
export interface FileFacts {
  readonly kind: FileKind;
  readonly byteLength: number;
  /** Milliseconds since the Unix epoch; set by writing and by `touch`. */
  readonly modifiedMs: number;
  /** Undefined where a file system has no owners. */
  readonly access?: FileAccess;
}

/** Who may change a file or directory. */
export interface FileAccess {
  /** Permission bits, such as 0o700. */
  readonly mode: number;
  readonly ownerId: number;
  /** The user that this process runs as. */
  readonly userId: number;
}

/**
 * Who may read what is made: `private` its user only (0600, directories 0700), `shared` those whom the
 * umask of the process lets (0666, directories 0777, less the umask).
 */
export type Visibility = 'private' | 'shared';

/** A new file that is being written. Nothing written is durable before `sync` has returned. */
export interface WritableFile {
  /** Appends all bytes. The caller leaves them alone until the promise settles. */
  write(bytes: Uint8Array): Promise<void>;
  /** Data and length reach the disk (`fdatasync`). After a failure the file is lost: abandon it. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** By which a file is known to be the same one: device and inode. */
export interface FileIdentity {
  /** May change when the machine starts anew. */
  readonly device: string;
  readonly inode: string;
}

/** A file that is being read. */
export interface ReadableFile {
  /** Length when the file was opened. */
  readonly byteLength: number;
  /** Which file it is, whatever it is called: device and inode. Undefined where nothing tells. */
  readonly identity?: FileIdentity;
  /** Fills `target` from `byteOffset` on; returns fewer bytes only at the end of the file. */
  read(target: Uint8Array, byteOffset: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * A file system, as POSIX and the simulated disk have it. Every call rejects with an `Error` that
 * carries an errno `code` (`ENOENT`, `EEXIST`, `ENOSPC` …).
 *
 * 1. A change of a directory (a name made, moved or removed) is visible at once and durable only
 *    after `syncDirectory` of a directory that it touched.
 * 2. `rename` is atomic: at every moment, also after a power loss, the target is the old or the new.
 * 3. No call follows a symbolic link in the last component of a path.
 */
export interface FileSystem {
  /** Creates a file; `EEXIST` when the name is taken, by whatever. Default `private`. */
  createFile(path: string, visibility?: Visibility): Promise<WritableFile>;
  /** Opens a regular file; `EISDIR` for a directory, `ELOOP` for anything else. */
  openFile(path: string): Promise<ReadableFile>;
  /** Creates one directory; `EEXIST` when the name is taken. Default `private`. */
  makeDirectory(path: string, visibility?: Visibility): Promise<void>;
  /** The names in a directory, in no order; `ENOTDIR` also for a link to one. */
  listDirectory(path: string): Promise<readonly DirectoryEntry[]>;
  /** Moves a file over a file or nothing, or a directory over an empty directory or nothing. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a link. */
  removeFile(path: string): Promise<void>;
  /** Removes an empty directory; `ENOTEMPTY` otherwise. */
  removeDirectory(path: string): Promise<void>;
  /** The names in a directory reach the disk. */
  syncDirectory(path: string): Promise<void>;
  /** `ENOENT` when there is nothing. */
  stat(path: string): Promise<FileFacts>;
  /** Sets `modifiedMs`; for heartbeats, never durable. */
  touch(path: string, modifiedMs: number): Promise<void>;
  /**
   * Runs `work`, which opens one file at most at a time and closes it before it ends, when there is
   * room for one more such file: hundreds of sinks must not run out of file descriptors. Not nested.
   * Where it is missing, work runs at once.
   */
  briefly?<Value>(work: () => Promise<Value>): Promise<Value>;
}

/** The errno code of what a file system threw (`ENOENT` …); undefined for anything else. */
export function errnoOf(thrown: unknown): string | undefined {
  // Not by `instanceof`: Node's errors are of another realm inside a vm context, as in Jest.
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** What a person can do where the errno alone does not say it. */
export function hintAt(errno: string | undefined): string {
  const isFull = errno === 'EMFILE' || errno === 'ENFILE';
  return isFull ? '; raise the limit of open files (ulimit -n), or use fewer sinks' : '';
}

/** The whole content of a file of at most `maxBytes`; undefined when it is longer. */
export async function readSmallFile(
  fileSystem: FileSystem,
  path: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  return briefly(fileSystem, () => readWhole(fileSystem, path, maxBytes));
}

/** See `FileSystem.briefly`. */
export function briefly<Value>(fileSystem: FileSystem, work: () => Promise<Value>): Promise<Value> {
  return fileSystem.briefly === undefined ? work() : fileSystem.briefly(work);
}

async function readWhole(
  fileSystem: FileSystem,
  path: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const file = await fileSystem.openFile(path);
  try {
    // Checked before memory is taken: a damaged or hostile directory may hold a file of any length.
    if (file.byteLength > maxBytes) return undefined;
    const content = new Uint8Array(file.byteLength);
    const readBytes = await file.read(content, 0);
    return content.subarray(0, readBytes);
  } finally {
    await file.close();
  }
}
