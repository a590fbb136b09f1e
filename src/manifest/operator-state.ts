// An operator's state in a manifest: inline up to a threshold, in the sidecar above it.

import { TidegateError } from '../errors.js';
import { silentLogger, type Logger } from '../runtime/logger.js';
import { decodeBase64, encodeBase64 } from './base64.js';
import { ManifestError } from './manifest-error.js';
import type { OperatorCheckpoint } from './types.js';

/** A state as its entry in the manifest and, where it is large, its sidecar. */
export interface SplitOperatorState {
  readonly entry: OperatorCheckpoint;
  /** The buffer that was passed in, when it belongs into the sidecar. Not a copy. */
  readonly sidecar: Uint8Array | undefined;
}

/** State that stands in the manifest itself, as base64. */
export function inlineOperatorState(bytes: Uint8Array): OperatorCheckpoint {
  return {
    stateB64: encodeBase64(bytes),
    external: false,
    externalOffset: 0,
    externalLength: 0,
  };
}

/**
 * State that is a range of the sidecar.
 *
 * @param byteOffset From the start of the sidecar. Refused above 2^53-1.
 * @throws ManifestError `TIDEGATE_MANIFEST_COUNTER_TOO_LARGE`, `TIDEGATE_MANIFEST_RANGE`.
 */
export function externalOperatorState(
  byteOffset: number | bigint,
  byteLength: number | bigint,
): OperatorCheckpoint {
  return {
    stateB64: undefined,
    external: true,
    externalOffset: toCounter('external_offset', byteOffset),
    externalLength: toCounter('external_length', byteLength),
  };
}

/**
 * Inline when the state has at most `threshold` bytes, otherwise the range of the sidecar that
 * starts at `currentOffset`, together with the bytes that belong there.
 *
 * @param threshold Bytes. Any size: one above 2^53-1 is no limit.
 * @param currentOffset Bytes. Refused above 2^53-1 when it has to be stored.
 */
export function operatorStateFromBytes(
  bytes: Uint8Array,
  threshold: number | bigint,
  currentOffset: number | bigint,
): SplitOperatorState {
  if (bytes.byteLength <= threshold) {
    return { entry: inlineOperatorState(bytes), sidecar: undefined };
  }
  return { entry: externalOperatorState(currentOffset, bytes.byteLength), sidecar: bytes };
}

/**
 * The inline state, or undefined when there is none; corrupt base64 is logged with the code
 * `LDB-4004` and gives undefined too. Whether the entry says `external` does not matter.
 */
export function decodeInlineState(
  entry: OperatorCheckpoint,
  options: { readonly logger?: Logger } = {},
): Uint8Array | undefined {
  if (entry.stateB64 === undefined) return undefined;
  const result = decodeBase64(entry.stateB64);
  if (result.kind === 'decoded') return result.bytes;
  (options.logger ?? silentLogger).warn(
    { code: 'LDB-4004', problem: result.problem, length: entry.stateB64.length },
    'the inline operator state is not valid base64',
  );
  return undefined;
}

/**
 * The inline state, or undefined when there is none.
 *
 * @throws TidegateError `LDB-4004` when there is one and it is corrupt.
 */
export function tryDecodeInlineState(entry: OperatorCheckpoint): Uint8Array | undefined {
  if (entry.stateB64 === undefined) return undefined;
  const result = decodeBase64(entry.stateB64);
  if (result.kind === 'decoded') return result.bytes;
  throw new TidegateError('LDB-4004', `[LDB-4004] base64 decode failed: ${result.problem}`);
}

function toCounter(path: string, value: number | bigint): number {
  const count = Number(value);
  if (Number.isSafeInteger(count) && count >= 0) return count;
  const tooLarge = value > Number.MAX_SAFE_INTEGER;
  throw new ManifestError(
    tooLarge ? 'TIDEGATE_MANIFEST_COUNTER_TOO_LARGE' : 'TIDEGATE_MANIFEST_RANGE',
    {
      path,
      found: String(value),
      expected: tooLarge ? 'at most 9007199254740991 (2^53-1)' : 'a whole number of bytes from 0',
    },
  );
}
