// Which format versions this code resumes from.

import { ManifestError } from './manifest-error.js';
import { manifestVersion, type CheckpointManifest } from './types.js';

/**
 * For whoever resumes from a manifest: a version above ours may mean something that this code
 * does not know.
 *
 * @throws ManifestError `TIDEGATE_MANIFEST_VERSION`.
 */
export function checkManifestVersion(manifest: CheckpointManifest): void {
  if (manifest.version <= manifestVersion) return;
  throw new ManifestError('TIDEGATE_MANIFEST_VERSION', {
    path: 'version',
    found: `version ${manifest.version} in checkpoint ${manifest.checkpointId}`,
    expected: `at most version ${manifestVersion}`,
  });
}
