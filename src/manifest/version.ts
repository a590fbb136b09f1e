// Which format versions this code resumes from.

import { positionAt } from './json/input.js';
import { ManifestError, type ManifestPosition } from './manifest-error.js';
import { manifestVersion, type CheckpointManifest } from './types.js';

/**
 * Checked before a resume: a version above ours may mean something that this code
 * does not know.
 *
 * @throws ManifestError `TIDEGATE_MANIFEST_VERSION`.
 */
export function checkManifestVersion(manifest: CheckpointManifest): void {
  const { version, checkpointId } = manifest;
  if (version > manifestVersion) throw newerVersion(version, `checkpoint ${checkpointId}`);
}

/**
 * The error of a document that a newer version wrote, whatever else it says: another version has
 * other fields, and what this code would call missing or wrong there is neither. Undefined for a
 * document of a version that this code knows, or without one.
 */
export function newerVersionIn(document: string): ManifestError | undefined {
  let value: unknown;
  try {
    value = JSON.parse(document);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { version, checkpoint_id: id } = value as Record<string, unknown>;
  if (!Number.isSafeInteger(version) || Number(version) <= manifestVersion) return undefined;
  const where = Number.isSafeInteger(id) ? `checkpoint ${String(id)}` : 'it';
  const position = positionAt(document, Math.max(0, document.indexOf('"version"')));
  return newerVersion(Number(version), where, position);
}

function newerVersion(version: number, where: string, position?: ManifestPosition): ManifestError {
  return new ManifestError('TIDEGATE_MANIFEST_VERSION', {
    path: 'version',
    found: `version ${version} in ${where}`,
    expected: `at most version ${manifestVersion}, as tidegate and LaminarDB 0.21 to 0.27 write it`,
    ...(position === undefined ? {} : { position }),
  });
}
