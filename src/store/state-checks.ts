// What a manifest says about operator state, held against the sidecar: lengths, ranges, checksum.

import { createHash, type Hash } from 'node:crypto';
import { TidegateError } from '../errors.js';
import { generationOfCheckpointId } from '../ids.js';
import type { CheckpointManifest, OperatorCheckpoint } from '../manifest/types.js';
import { tryDecodeInlineState } from '../manifest/operator-state.js';

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
  const isStated = manifest.operatorStates.size === 0 && manifest.stateChecksum !== undefined;
  if (ranges.length === 0 && !isStated) return undefined;
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
 * Compares the state with the manifest's state checksum while the sidecar is read. Which form the
 * checksum has follows from the entries, as LaminarDB 0.23 writes it:
 *
 * - no entries, or none but external ones: the SHA-256 of the sidecar;
 * - none but inline ones: `inlineStateDigest`, and a sidecar beside them is not read;
 * - both: the SHA-256 of that digest in hex followed by the sidecar.
 *
 * With both, LaminarDB up to 0.22 and tidegate up to 0.1 wrote the SHA-256 of the sidecar alone.
 */
export class StateChecksum {
  readonly #expected: string | undefined;
  readonly #fixed: readonly string[];
  readonly #candidates: readonly Hash[];

  /** @param hasSidecar Whether there is a sidecar whose bytes `update` gets. */
  constructor(
    private readonly manifest: CheckpointManifest,
    hasSidecar: boolean,
  ) {
    this.#expected = manifest.stateChecksum?.toLowerCase();
    const { hasInline, needsSidecar, isInlineEnough } = formsOf(manifest);
    const isAsked = this.#expected !== undefined;
    const inline = isAsked && hasInline ? inlineStateDigest(manifest.operatorStates) : undefined;
    this.#fixed = inline !== undefined && isInlineEnough ? [inline] : [];
    const hashes: Hash[] = [];
    if (isAsked && hasSidecar && needsSidecar) {
      if (inline !== undefined) hashes.push(createHash('sha256').update(inline));
      hashes.push(createHash('sha256'));
    }
    this.#candidates = hashes;
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
    const found = [...this.#fixed, ...this.#candidates.map((hash) => hash.digest('hex'))];
    if (found.includes(this.#expected)) return undefined;
    return stateError(
      this.manifest,
      `its state checksum is ${this.#expected}, but the state has ${found[0] ?? 'none'}`,
    );
  }
}

interface ChecksumForms {
  /** Whether an entry is more than a range of the sidecar. */
  readonly hasInline: boolean;
  readonly needsSidecar: boolean;
  /** Whether the digest of the inline states alone may be the checksum. */
  readonly isInlineEnough: boolean;
}

/** An external entry that also has bytes counts as an inline one, as LaminarDB counts it. */
function formsOf({ operatorStates }: CheckpointManifest): ChecksumForms {
  const entries = [...operatorStates.values()];
  return {
    hasInline: entries.some((entry) => !isExternalOnly(entry)),
    needsSidecar: entries.length === 0 || entries.some(({ external }) => external),
    isInlineEnough: !entries.some(isExternalOnly),
  };
}

function isExternalOnly({ external, stateB64 }: OperatorCheckpoint): boolean {
  return external && stateB64 === undefined;
}

/**
 * Digest of the states that stand in a manifest: over the names in the order of their UTF-8 bytes,
 * each as name, NUL, base64 text (nothing where there is none), NUL. Lower-case hex; undefined when
 * no state stands there.
 */
export function inlineStateDigest(
  operatorStates: ReadonlyMap<string, OperatorCheckpoint>,
): string | undefined {
  const inline = [...operatorStates]
    .filter(([, entry]) => !isExternalOnly(entry))
    .sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  if (inline.length === 0) return undefined;
  const hash = createHash('sha256');
  for (const [name, { stateB64 }] of inline) hash.update(`${name}\0${stateB64 ?? ''}\0`);
  return hash.digest('hex');
}

/**
 * @throws TidegateError `TIDEGATE_STATE_CORRUPT` for values that no checkpoint can have; loading
 *   refuses them, so that no list calls complete what cannot be resumed.
 */
export function checkRestorable(manifest: CheckpointManifest): void {
  const { version, epoch, checkpointId } = manifest;
  for (const [name, value] of Object.entries({ version, epoch, 'checkpoint id': checkpointId })) {
    if (value === 0) throw stateError(manifest, `its ${name} is 0`);
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

/**
 * Streams an inline state, empty when the operator has saved none; undefined when the manifest has
 * no such operator. Corrupt base64 (`LDB-4004`) is thrown when it is read.
 */
export function inlineStateOf(
  manifest: CheckpointManifest,
  operator: string,
): AsyncIterable<Uint8Array> | undefined {
  const state = manifest.operatorStates.get(operator);
  if (state === undefined) return undefined;
  return (async function* () {
    const bytes = await Promise.resolve(tryDecodeInlineState(state));
    if (bytes !== undefined && bytes.byteLength > 0) yield bytes;
  })();
}
