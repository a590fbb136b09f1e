// Reading a sidecar in pieces: all of it to verify it, or the range of one operator.

import { TidegateError } from '../../errors.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import { errnoOf, type ReadableFile } from '../../runtime/file-system.js';
import { StateChecksum, sidecarProblem } from '../state-checks.js';
import { toStoreError } from '../store-error.js';
import type { StorePorts } from './ports.js';

/** Memory that one reader takes, whatever the sidecar's length. */
const pieceBytes = 1_048_576;

/**
 * Holds the sidecar against its manifest: length, ranges, checksum.
 *
 * @returns Its bytes; 0 when there is none and none is stated.
 * @throws TidegateError `TIDEGATE_STATE_CORRUPT`.
 */
export async function verifySidecar(
  { fileSystem, layout }: StorePorts,
  manifest: CheckpointManifest,
  signal: AbortSignal | undefined,
): Promise<number> {
  let file: ReadableFile | undefined;
  try {
    file = await fileSystem.openFile(layout.sidecar(manifest.checkpointId));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  try {
    const checksum = new StateChecksum(manifest, file !== undefined);
    const problem = sidecarProblem(manifest, file?.byteLength);
    if (problem !== undefined) throw problem;
    if (file !== undefined && checksum.needsBytes) {
      for await (const piece of pieces(file, 0, file.byteLength)) {
        signal?.throwIfAborted();
        checksum.update(piece);
      }
    }
    const mismatch = checksum.problem();
    if (mismatch !== undefined) throw mismatch;
    return file?.byteLength ?? 0;
  } finally {
    await file?.close();
  }
}

/** Streams bytes `start` to `end` of a sidecar, each piece in memory of its own. */
export async function* readSidecar(
  { fileSystem, layout }: StorePorts,
  id: number,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncIterable<Uint8Array> {
  const path = layout.sidecar(id);
  let file: ReadableFile;
  try {
    file = await fileSystem.openFile(path);
  } catch (error) {
    throw toStoreError(error, `reading ${path}`);
  }
  try {
    // The caller may keep what it gets, so no piece is filled twice.
    for await (const piece of pieces(file, start, end)) yield piece.slice();
  } catch (error) {
    throw toStoreError(error, `reading ${path}`);
  } finally {
    await file.close();
  }
}

async function* pieces(
  file: ReadableFile,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = new Uint8Array(Math.min(pieceBytes, end - start));
  for (let byteOffset = start; byteOffset < end;) {
    const target = buffer.subarray(0, Math.min(buffer.byteLength, end - byteOffset));
    const readBytes = await file.read(target, byteOffset);
    // Shorter than when it was opened: another program cut it meanwhile.
    if (readBytes < target.byteLength) {
      throw new TidegateError('TIDEGATE_STATE_CORRUPT', `the sidecar ends at byte ${byteOffset}`);
    }
    yield target;
    byteOffset += readBytes;
  }
}
