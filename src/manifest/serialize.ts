// From a manifest to the text of its file, as serde writes it and with our checksum.

import { manifestChecksum } from './canonical.js';
import { WriteContext } from './json/codec.js';
import { refuseAboveLimit } from './json/input.js';
import { printPretty } from './json/print.js';
import { defaultManifestMaxBytes, type ManifestSizeOptions } from './parse.js';
import { manifestCodec, type StoredManifest } from './schema.js';
import type { CheckpointManifest } from './types.js';

/**
 * The text of a manifest: two-space JSON, the Rust original's seventeen fields in its order, then
 * ours, then unknown ones; names in maps sorted. Refuses whatever `parseManifest` would refuse.
 *
 * @throws ManifestError with the path of the field that cannot be written.
 */
export function serializeManifest(
  manifest: CheckpointManifest,
  options: ManifestSizeOptions = {},
): string {
  const text = printPretty(
    manifestCodec.write(withChecksum(manifest), new WriteContext('declared')),
  );
  refuseAboveLimit(Buffer.byteLength(text), options.maxBytes ?? defaultManifestMaxBytes);
  return text;
}

/** A foreign manifest stays foreign: without our object there is nowhere to keep a checksum. */
function withChecksum(manifest: CheckpointManifest): StoredManifest {
  if (manifest.tidegate === undefined) return manifest;
  const checksum = manifestChecksum(manifest);
  return { ...manifest, tidegate: { ...manifest.tidegate, manifestChecksum: checksum } };
}
