// A source's file, opened at a position: refused when it is no longer the file of that position.

import { createHash } from 'node:crypto';
import { lostInput } from '../../../contracts/lost-input.js';
import { TidegateError } from '../../../errors.js';
import {
  errnoOf,
  type FileIdentity,
  type FileSystem,
  type ReadableFile,
} from '../../../runtime/file-system.js';
import { toFilesError } from '../files-error.js';
import type { FilePosition, SourceFileIdentity } from './file-position.js';
import { Fingerprint } from './fingerprint.js';
import { lineFeed } from './record-format.js';

export interface OpenedFile {
  readonly file: ReadableFile;
  readonly fingerprint: Fingerprint;
  readonly identity: SourceFileIdentity;
}

/** What has to be as it was: the file, or only what stands before the position. */
export type ResumeBy = 'file' | 'content';

export interface WhereToOpen {
  readonly position: FilePosition;
  readonly resumeBy: ResumeBy;
}

/**
 * Opens the file and checks that it still holds, before the position, what it held, and that no other
 * file was put in its place.
 *
 * @throws TidegateError `TIDEGATE_SOURCE_CHANGED` naming the file and what is different.
 */
export async function openAt(
  fileSystem: FileSystem,
  path: string,
  { position, resumeBy }: WhereToOpen,
): Promise<OpenedFile> {
  const file = await open(fileSystem, path);
  try {
    const { byteOffset, lines, identity: known } = position;
    if (file.byteLength < byteOffset) {
      throw changed(
        path,
        `shrank: it has ${file.byteLength} bytes and was read up to ${byteOffset}`,
        file,
      );
    }
    const fingerprint = await Fingerprint.at(file, byteOffset);
    if (fingerprint.toString() !== position.fingerprint) {
      throw changed(path, `was changed before byte ${byteOffset} (line ${lines + 1})`, file);
    }
    await checkLineEnd(file, path, position);
    if (known !== undefined && resumeBy === 'file') await requireSameFile(file, path, known);
    return { file, fingerprint, identity: await identityOf(file) };
  } catch (error) {
    await file.close();
    throw toFilesError(error, `reading ${path}`);
  }
}

const headBytes = 4_096;

async function identityOf(file: ReadableFile): Promise<SourceFileIdentity> {
  const { byteLength, identity } = file;
  return { file: identity, byteLength, head: await headOf(file, byteLength) };
}

/** @param byteLength Length of the file when its head was taken. */
async function headOf(file: ReadableFile, byteLength: number): Promise<string> {
  const bytes = Buffer.alloc(Math.min(headBytes, byteLength));
  const readBytes = await file.read(bytes, 0);
  return createHash('sha256').update(bytes.subarray(0, readBytes)).digest('hex');
}

/**
 * The same file, which may have grown, or a whole copy of it. Inodes are compared without their
 * device, whose number may change when the machine starts anew; and a new file may get the inode of
 * one that was removed, so that its length and its first bytes count as well.
 */
async function requireSameFile(
  file: ReadableFile,
  path: string,
  known: SourceFileIdentity,
): Promise<void> {
  const { byteLength, head } = known;
  const isOtherInode =
    known.file !== undefined &&
    file.identity !== undefined &&
    known.file.inode !== file.identity.inode;
  const isWhole = isOtherInode ? file.byteLength === byteLength : file.byteLength >= byteLength;
  if (isWhole && (await headOf(file, byteLength)) === head) return;
  const was = shownFile(known.file, byteLength);
  const is = shownFile(file.identity, file.byteLength);
  throw changed(
    path,
    `is not the file that was read: that was ${was}, this is ${is}; bring that one back, or a whole ` +
      'copy of it, or start over with a new store and sinks; resumeBy: "content" goes on here, ' +
      'because what stands before the position is the same',
    file,
  );
}

function shownFile(file: FileIdentity | undefined, byteLength: number): string {
  const which = file === undefined ? '' : `inode ${file.inode} of device ${file.device}, `;
  return `${which}${byteLength} bytes`;
}

const code = 'TIDEGATE_SOURCE_CHANGED';

/** @param present The file that is there now: with consent it is read from its start. */
export function changed(path: string, what: string, present?: ReadableFile): TidegateError {
  const message = `${path} ${what}`;
  const details = { path };
  if (present === undefined) return new TidegateError(code, message, { details });
  const goesOnAt = `the start of the file that is there now (${present.byteLength} bytes)`;
  return lostInput(message, { code, details, goesOnAt });
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
  throw changed(path, `goes on in line ${lines + 1}, which was read as its last line`, file);
}
