// A place between two records of a file, as the offsets of a checkpoint have it.

import type { Offsets } from '../../../contracts/source.js';
import { TidegateError } from '../../../errors.js';

export interface FilePosition {
  readonly byteOffset: number;
  /** Line feeds before it. */
  readonly lines: number;
  /** Bad records before it that were skipped. */
  readonly skipped: number;
  readonly fingerprint: string;
}

export function toOffsets({ byteOffset, lines, skipped, fingerprint }: FilePosition): Offsets {
  return {
    byteOffset: String(byteOffset),
    lines: String(lines),
    skipped: String(skipped),
    fingerprint,
  };
}

/** @throws TidegateError `TIDEGATE_SOURCE_OFFSETS`. */
export function parsePosition(path: string, offsets: Offsets): FilePosition {
  const [byteOffset, lines, skipped] = ['byteOffset', 'lines', 'skipped'].map((name) => {
    const text = offsets[name] ?? '';
    return /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
  });
  const { fingerprint } = offsets;
  const isWhole = byteOffset !== undefined && lines !== undefined && skipped !== undefined;
  if (isWhole && fingerprint !== undefined) return { byteOffset, lines, skipped, fingerprint };
  throw new TidegateError(
    'TIDEGATE_SOURCE_OFFSETS',
    `the offsets given for ${path} are not those of a file: ${JSON.stringify(offsets)}`,
    { details: { path } },
  );
}
