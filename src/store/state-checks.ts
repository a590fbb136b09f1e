// What a manifest says about operator state, held against the sidecar: lengths, ranges, checksum.

import { createHash, type Hash } from 'node:crypto';
import { TidegateError } from '../errors.js';
import { generationOfCheckpointId } from '../ids.js';
import type { CheckpointManifest } from '../manifest/types.js';

/**
 * What is wrong between a manifest and its sidecar as far as lengths tell; undefined when nothing
 * is. The bytes themselves are checked with `StateChecksum`.
 *
 * @param sidecarByteLength Undefined when there is no sidecar.
 */
export function sidecarProblem(
  manifest: CheckpointManifest,
  sidecarByteLength: number | undefined,
): Error | undefined {
  const ranges = externalRanges(manifest);
  const isOurs = isOwn(manifest);
  const needsSidecar = ranges.length > 0 || (isOurs && manifest.stateChecksum !== undefined);
  if (!needsSidecar) return undefined;
  const wrong = (what: string) => stateError(manifest, what);
  if (sidecarByteLength === undefined) return wrong('its sidecar is missing');
  // Ours always has one. Without it a damaged sidecar would pass.
  if (isOurs && manifest.stateChecksum === undefined) return wrong('its state checksum is missing');
  let coveredBytes = 0;
  for (const { operator, start, end } of ranges) {
    if (!Number.isSafeInteger(end) || end > sidecarByteLength) {
      return wrong(
        `operator ${JSON.stringify(operator)} has bytes ${start} to ${end} of a sidecar of ${sidecarByteLength}`,
      );
    }
    if (start < coveredBytes && start < end) {
      return wrong(`operator ${JSON.stringify(operator)} overlaps another in the sidecar`);
    }
    coveredBytes = Math.max(coveredBytes, end);
  }
  if (isOurs && coveredBytes !== sidecarByteLength) {
    return wrong(`its sidecar has ${sidecarByteLength} bytes where ${coveredBytes} are stated`);
  }
  return undefined;
}

/** The bytes of one operator in the sidecar; undefined when its state is not there. */
export function sidecarRange(
  manifest: CheckpointManifest,
  operator: string,
): { readonly start: number; readonly end: number } | undefined {
  return externalRanges(manifest).find((range) => range.operator === operator);
}

/**
 * Compares a sidecar with the manifest's state checksum while it is read. Ours is the SHA-256 of
 * the sidecar. LaminarDB has written three kinds, and a manifest does not say which:
 * the SHA-256 of the sidecar; without a sidecar, a digest of the inline states; with both, the
 * SHA-256 of that digest in hex followed by the sidecar.
 */
export class StateChecksum {
  readonly #expected: string | undefined;
  readonly #candidates: readonly Hash[];

  constructor(
    private readonly manifest: CheckpointManifest,
    hasSidecar: boolean,
  ) {
    this.#expected = manifest.stateChecksum?.toLowerCase();
    const plain = createHash('sha256');
    if (this.#expected === undefined) this.#candidates = [];
    else if (isOwn(manifest)) this.#candidates = [plain];
    else if (hasSidecar) {
      this.#candidates = [plain, createHash('sha256').update(inlineDigest(manifest))];
    } else this.#candidates = [];
  }

  /** Whether the sidecar's bytes have to be read at all. */
  get needsBytes(): boolean {
    return this.#candidates.length > 0;
  }

  update(bytes: Uint8Array): void {
    for (const hash of this.#candidates) hash.update(bytes);
  }

  /** Undefined when the checksum holds, or when the manifest has none. */
  problem(): Error | undefined {
    if (this.#expected === undefined) return undefined;
    const found = this.needsBytes
      ? this.#candidates.map((hash) => hash.digest('hex'))
      : [inlineDigest(this.manifest)];
    if (found.includes(this.#expected)) return undefined;
    return stateError(
      this.manifest,
      `its state checksum is ${this.#expected}, but the state has ${found[0] ?? 'none'}`,
    );
  }
}

/** Not a foreign manifest that merely gained our object when we saved it again. */
function isOwn({ checkpointId, tidegate }: CheckpointManifest): boolean {
  return tidegate?.generation === generationOfCheckpointId(checkpointId);
}

function stateError(manifest: CheckpointManifest, what: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_STATE_CORRUPT',
    `checkpoint ${manifest.checkpointId} cannot be trusted: ${what}`,
    { details: { checkpointId: manifest.checkpointId } },
  );
}

/** Sorted by where they start. Empty ranges cannot overlap anything, wherever they lie. */
function externalRanges(
  manifest: CheckpointManifest,
): { operator: string; start: number; end: number }[] {
  return [...manifest.operatorStates]
    .filter(([, state]) => state.external)
    .map(([operator, { externalOffset, externalLength }]) => {
      return { operator, start: externalOffset, end: externalOffset + externalLength };
    })
    .sort((left, right) => left.start - right.start || left.end - right.end);
}

/** LaminarDB's digest of inline states: by name, each as name, NUL, base64 text, NUL; in hex. */
function inlineDigest(manifest: CheckpointManifest): string {
  const hash = createHash('sha256');
  const byName = [...manifest.operatorStates].sort(([left], [right]) =>
    Buffer.compare(Buffer.from(left), Buffer.from(right)),
  );
  for (const [name, { stateB64 }] of byName) {
    if (stateB64 !== undefined) hash.update(`${name}\0${stateB64}\0`);
  }
  return hash.digest('hex');
}
