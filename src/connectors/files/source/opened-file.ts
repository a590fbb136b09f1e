// A source's file, opened at a position: refused when it is not the file of that position any more.

import { TidegateError } from '../../../errors.js';
import { errnoOf, type FileSystem, type ReadableFile } from '../../../runtime/file-system.js';
import { toFilesError } from '../files-error.js';
import type { FilePosition } from './file-position.js';
import { Fingerprint } from './fingerprint.js';
import { lineFeed } from './record-format.js';

export interface OpenedFile {
  readonly file: ReadableFile;
  readonly fingerprint: Fingerprint;
}

/**
 * Opens the file and checks that it still holds, before the position, what it held.
 *
 * @throws TidegateError `TIDEGATE_SOURCE_CHANGED` naming the file and what is different.
 */
export async function openAt(
  fileSystem: FileSystem,
  path: string,
  position: FilePosition,
): Promise<OpenedFile> {
  const file = await open(fileSystem, path);
  try {
    const { byteOffset, lines } = position;
    if (file.byteLength < byteOffset) {
      throw changed(
        path,
        `shrank: it has ${file.byteLength} bytes and was read up to ${byteOffset}`,
      );
    }
    const fingerprint = await Fingerprint.at(file, byteOffset);
    if (fingerprint.toString() !== position.fingerprint) {
      throw changed(path, `was changed before byte ${byteOffset} (line ${lines + 1})`);
    }
    await checkLineEnd(file, path, position);
    return { file, fingerprint };
  } catch (error) {
    await file.close();
    throw toFilesError(error, `reading ${path}`);
  }
}

export function changed(path: string, what: string): TidegateError {
  return new TidegateError('TIDEGATE_SOURCE_CHANGED', `${path} ${what}`, { details: { path } });
}

async function open(fileSystem: FileSystem, path: string): Promise<ReadableFile> {
  try {
    return await fileSystem.openFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw changed(path, 'does not exist');
    // A link could point somewhere else after a crash: the file system port follows none.
    throw toFilesError(error, `opening ${path} (a regular file, not a link to one)`);
  }
}

/**
 * The last line of a file may lack its line feed. When the file has grown since it was read, what
 * follows must be that line feed: anything else makes it another line than the one handed out.
 */
async function checkLineEnd(
  file: ReadableFile,
  path: string,
  { byteOffset, lines }: FilePosition,
): Promise<void> {
  if (byteOffset === 0 || byteOffset === file.byteLength) return;
  const around = Buffer.alloc(3);
  const readBytes = await file.read(around, byteOffset - 1);
  if (around[0] === lineFeed) return;
  const rest = around.subarray(1, readBytes).toString('latin1');
  if (rest.startsWith('\n') || rest.startsWith('\r\n')) return;
  throw changed(path, `goes on in line ${lines + 1}, which was read as its last line`);
}
