// Inconsistencies inside one manifest: the Rust original's eight rules, in its order and words.

import type { CheckpointManifest, ManifestValidationError } from './types.js';

/**
 * Looks for inconsistencies before a manifest is used. An empty list means that none were found;
 * how grave each one is depends on what the caller is about to do.
 *
 * @param expectedVnodeCount The runtime's virtual partition count.
 */
export function validateManifest(
  manifest: CheckpointManifest,
  expectedVnodeCount: number,
): readonly ManifestValidationError[] {
  const messages = [
    ...zeroFields(manifest),
    ...sinksWithoutStatus(manifest),
    ...orphanedSourceOffsets(manifest),
    ...vnodeCountProblems(manifest, expectedVnodeCount),
  ];
  return messages.map((message) => ({ message }));
}

function* zeroFields(manifest: CheckpointManifest): Iterable<string> {
  if (manifest.version === 0) yield 'manifest version is 0';
  if (manifest.checkpointId === 0) yield 'checkpoint_id is 0';
  if (manifest.epoch === 0) yield 'epoch is 0';
  if (manifest.timestampMs === 0) yield 'timestamp_ms is 0 (missing creation time)';
}

/** Where no status is recorded at all, the manifest is from before statuses: nothing to compare. */
function* sinksWithoutStatus(manifest: CheckpointManifest): Iterable<string> {
  if (manifest.sinkCommitStatuses.size === 0) return;
  for (const sink of manifest.sinkEpochs.keys()) {
    if (!manifest.sinkCommitStatuses.has(sink)) {
      yield `sink '${sink}' has epoch but no commit status`;
    }
  }
}

/** Where no source is named at all, the manifest is from before topology was recorded. */
function* orphanedSourceOffsets(manifest: CheckpointManifest): Iterable<string> {
  if (manifest.sourceNames.length === 0) return;
  const known = new Set(manifest.sourceNames);
  for (const source of manifest.sourceOffsets.keys()) {
    if (!known.has(source)) yield `source_offsets contains '${source}' not in source_names`;
  }
}

function* vnodeCountProblems(manifest: CheckpointManifest, expected: number): Iterable<string> {
  const { vnodeCount } = manifest;
  if (vnodeCount === 0) {
    yield 'vnode_count is 0 (missing or legacy checkpoint)';
  } else if (vnodeCount !== expected) {
    yield `vnode_count mismatch: checkpoint has ${vnodeCount}, runtime expects ${expected}`;
  }
}
