// Runs before every test file: what a coordinator or a recovery saves must pass the original's rules.

import { afterEach, expect } from '@jest/globals';
import { serializeManifest } from '../../src/manifest/serialize.js';
import type { CheckpointManifest } from '../../src/manifest/types.js';
import { FileSystemOwnedStore } from '../../src/store/filesystem/session.js';
import { MemoryOwnedStore } from '../../src/store/memory/memory-session.js';
import { originalFindings } from './original-rules.js';

/* eslint-disable @typescript-eslint/unbound-method -- called with `this` below */

const violations: string[] = [];

/** Only attempts have a uuid: manifests that a test makes by hand may be as wrong as it likes. */
const attemptUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/;

function check(manifest: CheckpointManifest, sidecar: Uint8Array | undefined | 'unseen'): void {
  if (!attemptUuid.test(manifest.tidegate?.attempt ?? '')) return;
  for (const finding of originalFindings(serializeManifest(manifest), sidecar)) {
    violations.push(`checkpoint ${manifest.checkpointId}: ${finding}`);
  }
}

const { saveManifest: saveInMemory } = MemoryOwnedStore.prototype;
MemoryOwnedStore.prototype.saveManifest = async function (manifest, options) {
  const saved = await saveInMemory.call(this, manifest, options);
  check(manifest, this.content.checkpoints.get(manifest.checkpointId)?.sidecar);
  return saved;
};

const { saveManifest: saveOnDisk } = FileSystemOwnedStore.prototype;
FileSystemOwnedStore.prototype.saveManifest = async function (manifest, options) {
  const saved = await saveOnDisk.call(this, manifest, options);
  // Not read back: simulated disks count every call.
  check(manifest, 'unseen');
  return saved;
};

afterEach(() => {
  const found = violations.splice(0);
  expect(found).toEqual([]);
});
