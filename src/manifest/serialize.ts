// From a manifest to the text of its file, as serde writes it and with our checksum.

import { completeOptions } from '../options.js';
import { checksumOf } from './canonical.js';
import { WriteContext } from './json/codec.js';
import { refuseAboveLimit } from './json/input.js';
import { printCanonical, printPretty } from './json/print.js';
import type { JsonValue } from './json/value.js';
import { sizeTable, type ManifestSizeOptions } from './parse.js';
import { checksumField, manifestCodec } from './schema.js';
import type { CheckpointManifest, TidegateFields } from './types.js';

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
  const { maxBytes } = completeOptions('serializeManifest', options, sizeTable);
  const tree = manifestCodec.write(manifest, new WriteContext('declared'));
  if (manifest.tidegate !== undefined) addChecksum(tree, manifest.tidegate);
  const text = printPretty(tree);
  refuseAboveLimit(Buffer.byteLength(text), maxBytes);
  return text;
}

/**
 * Into our object, behind its other fields and before its unknown ones. A foreign manifest stays
 * foreign: without our object there is nowhere to keep a checksum.
 */
function addChecksum(tree: JsonValue, { unknownFields }: TidegateFields): void {
  const checksum = checksumOf(printCanonical(tree));
  const ours = (tree as ReadonlyMap<string, JsonValue>).get('tidegate') as Map<string, JsonValue>;
  const unknown = [...(unknownFields?.keys() ?? [])].map((name) => [name, ours.get(name)] as const);
  for (const [name] of unknown) ours.delete(name);
  ours.set(checksumField, checksum);
  for (const [name, value] of unknown) if (value !== undefined) ours.set(name, value);
}
