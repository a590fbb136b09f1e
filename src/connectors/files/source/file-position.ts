// A place between two records of a file, as the offsets of a checkpoint have it.

import type { Offsets } from '../../../contracts/source.js';
import { TidegateError } from '../../../errors.js';
import type { FileIdentity } from '../../../runtime/file-system.js';

export interface FilePosition {
  readonly byteOffset: number;
  /** Line feeds before it. */
  readonly lines: number;
  /** Bad records before it that were skipped. */
  readonly skipped: number;
  readonly fingerprint: string;
  /** Of which file; undefined before it was opened, and in offsets of older versions. */
  readonly identity?: SourceFileIdentity | undefined;
}

/** What distinguishes one file from another without reading the whole of it. */
export interface SourceFileIdentity {
  /** Device and inode, where the file system tells them. */
  readonly file: FileIdentity | undefined;
  /** Length when the reading began. */
  readonly byteLength: number;
  /** SHA-256 of its first bytes, as many as there were, up to 4 096. */
  readonly head: string;
}

export function toOffsets(position: FilePosition): Offsets {
  const { byteOffset, lines, skipped, fingerprint, identity } = position;
  return {
    byteOffset: String(byteOffset),
    lines: String(lines),
    skipped: String(skipped),
    fingerprint,
    ...(identity === undefined ? {} : identityToOffsets(identity)),
  };
}

function identityToOffsets({ file, byteLength, head }: SourceFileIdentity): Offsets {
  const { device, inode } = file ?? {};
  return {
    fileBytes: String(byteLength),
    fileHead: head,
    ...(device === undefined || inode === undefined
      ? {}
      : { fileDevice: device, fileInode: inode }),
  };
}

function identityIn(offsets: Offsets): SourceFileIdentity | undefined {
  const byteLength = numberIn(offsets.fileBytes);
  const { fileHead: head, fileDevice: device, fileInode: inode } = offsets;
  if (byteLength === undefined || head === undefined) return undefined;
  const isKnown = device !== undefined && inode !== undefined;
  return { byteLength, head, file: isKnown ? { device, inode } : undefined };
}

function numberIn(text = ''): number | undefined {
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

/** @throws TidegateError `TIDEGATE_SOURCE_OFFSETS`. */
export function parsePosition(path: string, offsets: Offsets): FilePosition {
  const [byteOffset, lines, skipped] = ['byteOffset', 'lines', 'skipped'].map((name) =>
    numberIn(offsets[name]),
  );
  const { fingerprint } = offsets;
  const isWhole = byteOffset !== undefined && lines !== undefined && skipped !== undefined;
  if (isWhole && fingerprint !== undefined) {
    return { byteOffset, lines, skipped, fingerprint, identity: identityIn(offsets) };
  }
  throw new TidegateError(
    'TIDEGATE_SOURCE_OFFSETS',
    `the offsets given for ${path} are not those of a file: ${JSON.stringify(offsets)}`,
    { details: { path } },
  );
}
