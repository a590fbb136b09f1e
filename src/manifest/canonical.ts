// The one spelling of a manifest: what it is compared, identified and hashed by.

import { hash } from 'node:crypto';
import { WriteContext } from './json/codec.js';
import { printCanonical } from './json/print.js';
import { manifestCodec } from './schema.js';
import type { CheckpointManifest } from './types.js';

/**
 * The canonical form: compact JSON, names sorted by their UTF-8 bytes at every level, all seventeen
 * fields, unknown members included. The checksum is not part of it, so that
 * `SHA-256(canonicalManifest(manifest))` is the checksum.
 *
 * @throws ManifestError for a manifest that cannot be written.
 */
export function canonicalManifest(manifest: CheckpointManifest): string {
  return printCanonical(manifestCodec.write(manifest, new WriteContext('canonical')));
}

/** SHA-256 of the canonical form, in lower-case hex. */
export function manifestChecksum(manifest: CheckpointManifest): string {
  return checksumOf(canonicalManifest(manifest));
}

/** SHA-256 of a canonical text, in lower-case hex. */
export function checksumOf(canonical: string): string {
  return hash('sha256', canonical, 'hex');
}

/** Whether two manifests say the same, whatever the order of their maps. */
export function manifestsEqual(a: CheckpointManifest, b: CheckpointManifest): boolean {
  return a === b || canonicalManifest(a) === canonicalManifest(b);
}
