// From bytes to a manifest: strict, complete and verified, or an error that says where.

import { completeOptions, whole, type OptionTable } from '../options.js';
import { manifestChecksum } from './canonical.js';
import { decodeInput, positionAt } from './json/input.js';
import { JsonReader } from './json/reader.js';
import { ManifestError } from './manifest-error.js';
import { checksumField, manifestCodec, type StoredManifest } from './schema.js';
import type { CheckpointManifest } from './types.js';
import { newerVersionIn } from './version.js';

/** Bounds of what is parsed, in bytes. */
export interface ManifestSizeOptions {
  /** Bytes of UTF-8 above which a document is refused unread. Default 64 MiB. */
  readonly maxBytes?: number;
}

export const defaultMaxManifestBytes = 64 * 2 ** 20;

/** The options of all who read or write a manifest's text. */
export const sizeTable = {
  maxBytes: whole({ min: 1 }, defaultMaxManifestBytes),
} satisfies OptionTable<ManifestSizeOptions>;

/**
 * Parses a manifest: one of ours, whose checksum is verified, or one that the Rust original wrote,
 * which has none. One of a newer version is parsed where it has the same fields, and otherwise
 * refused with `TIDEGATE_MANIFEST_VERSION`; see `checkManifestVersion` before resuming.
 *
 * @throws ManifestError with a code, line and column in bytes, the field's path, what was found
 *   and what was expected.
 */
export function parseManifest(
  input: Uint8Array | string,
  options: ManifestSizeOptions = {},
): CheckpointManifest {
  const { maxBytes } = completeOptions('parseManifest', options, sizeTable);
  const document = decodeInput(input, maxBytes);
  return verified(readStored(document), document);
}

function readStored(document: string): StoredManifest {
  try {
    const reader = new JsonReader(document);
    const stored = manifestCodec.read(reader);
    reader.expectEnd();
    return stored;
  } catch (error) {
    // A version that cannot be read says nothing about who wrote the rest.
    if (error instanceof ManifestError && error.path === 'version') throw error;
    throw newerVersionIn(document) ?? error;
  }
}

/** Whether a checksum holds a parsed manifest together; a foreign manifest has none. */
export function manifestIntegrity(manifest: CheckpointManifest): 'verified' | 'unverified' {
  return manifest.tidegate === undefined ? 'unverified' : 'verified';
}

/** Takes the checksum out of the stored form and compares it with the rest. */
function verified(stored: StoredManifest, document: string): CheckpointManifest {
  if (stored.tidegate === undefined) return stored;
  const { manifestChecksum: found, ...tidegate } = stored.tidegate;
  const manifest: CheckpointManifest = { ...stored, tidegate };
  const expected = manifestChecksum(manifest);
  if (found === expected) return manifest;
  throw new ManifestError('TIDEGATE_MANIFEST_CHECKSUM', {
    path: `tidegate.${checksumField}`,
    found: found ?? 'none',
    expected: `the SHA-256 of the rest, ${expected}`,
    position: positionAt(document, Math.max(0, document.lastIndexOf(`"${checksumField}"`))),
  });
}
