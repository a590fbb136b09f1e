// What every store checks before it writes: the sidecar is the stated one, streams keep their bounds.

import { TidegateError } from '../errors.js';
import type { CheckpointManifest } from '../manifest/types.js';
import { orAborted } from '../runtime/abort.js';
import type { SidecarReceipt, WriteSidecarOptions } from './checkpoint-store.js';
import { inlineStateDigest, sidecarProblem } from './state-checks.js';

/** A sidecar as it was written: what it got, and the digest that its checksum begins with. */
export interface WrittenSidecar {
  readonly receipt: SidecarReceipt;
  readonly inlineDigest: string | undefined;
}

/**
 * @param written The sidecar that was written for this checkpoint, if one was.
 * @throws TidegateError `TIDEGATE_STATE_MISMATCH`: a manifest that does not state the sidecar's
 *   checksum would let a corrupt one pass, one that states too much could never be loaded.
 */
export function checkStatedSidecar(
  manifest: CheckpointManifest,
  written: WrittenSidecar | undefined,
): void {
  const receipt = written?.receipt;
  const problem = sidecarProblem(manifest, receipt?.byteLength);
  const mismatch = (message: string, cause?: Error) =>
    new TidegateError(
      'TIDEGATE_STATE_MISMATCH',
      `checkpoint ${manifest.checkpointId}: ${message}`,
      cause === undefined ? {} : { cause },
    );
  if (problem !== undefined) throw mismatch(problem.message, problem);
  const inlineDigest = inlineStateDigest(manifest.operatorStates);
  const prefix = written?.inlineDigest;
  if (prefix !== undefined && prefix !== inlineDigest) {
    throw mismatch(
      `its sidecar was written with the inline digest ${prefix}, ` +
        `but the states in the manifest have ${inlineDigest ?? 'none, because none stands there'}`,
    );
  }
  if (receipt === undefined && manifest.stateChecksum === inlineDigest) return;
  if (manifest.stateChecksum === receipt?.sha256) return;
  throw mismatch(
    `the manifest states the checksum ${manifest.stateChecksum ?? 'none'}, ` +
      `but the sidecar written for it has ${receipt?.sha256 ?? 'none, because none was written'}`,
  );
}

/**
 * Gives each chunk to `consume`, one after the other: the next one is asked for when the last one
 * has been dealt with, so that a fast producer cannot fill the memory.
 *
 * @throws TidegateError `TIDEGATE_STATE_TOO_LARGE` before the chunk that would exceed `maxBytes`;
 *   the signal's reason when it is aborted, also while the producer hangs.
 */
export async function consumeChunks(
  chunks: AsyncIterable<Uint8Array>,
  { maxBytes, signal }: WriteSidecarOptions,
  consume: (chunk: Uint8Array) => Promise<void> | void,
): Promise<number> {
  const iterator = chunks[Symbol.asyncIterator]();
  let byteLength = 0;
  let isFinished = false;
  try {
    for (;;) {
      const next = await orAborted(iterator.next(), signal);
      if (next.done === true) {
        isFinished = true;
        return byteLength;
      }
      if (byteLength + next.value.byteLength > maxBytes) throw tooLarge(maxBytes);
      await consume(next.value);
      byteLength += next.value.byteLength;
    }
  } finally {
    if (!isFinished) dismiss(iterator);
  }
}

function tooLarge(maxBytes: number): TidegateError {
  return new TidegateError(
    'TIDEGATE_STATE_TOO_LARGE',
    `the operator state exceeds ${maxBytes} bytes`,
    { details: { maxBytes } },
  );
}

/** Lets the producer clean up. Not waited for: one that hangs would hold the store. */
function dismiss(iterator: AsyncIterator<Uint8Array>): void {
  const ignore = (): void => undefined;
  iterator.return?.().then(ignore, ignore);
}
