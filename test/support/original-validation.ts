// Runs before every test file: what a coordinator or a recovery saves must pass the original's rules.

import { afterEach, expect } from '@jest/globals';
import { serializeManifest } from '../../src/manifest/serialize.js';
import type { CheckpointManifest } from '../../src/manifest/types.js';
import { FileSystemOwnedStore } from '../../src/store/filesystem/session.js';
import { MemoryOwnedStore } from '../../src/store/memory/memory-session.js';
import { originalFindings } from './original-rules.js';

/* eslint-disable @typescript-eslint/unbound-method -- called with `this` below */

const violations: string[] = [];

/** Manifests that a test makes by hand, and that recovery saves again, may be as wrong as they like. */
const writers = /src\/(?:coordinator\/|recovery\/start-checkpoint)/;

function isByCoordinator(): boolean {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = limit;
  return writers.test(stack);
}

function check(manifest: CheckpointManifest, sidecar: Uint8Array | undefined | 'unseen'): void {
  for (const finding of originalFindings(serializeManifest(manifest), sidecar)) {
    violations.push(`checkpoint ${manifest.checkpointId}: ${finding}`);
  }
}

const { saveManifest: saveInMemory } = MemoryOwnedStore.prototype;
MemoryOwnedStore.prototype.saveManifest = async function (manifest, options) {
  const isChecked = isByCoordinator();
  const saved = await saveInMemory.call(this, manifest, options);
  if (isChecked) check(manifest, this.content.checkpoints.get(manifest.checkpointId)?.sidecar);
  return saved;
};

const { saveManifest: saveOnDisk } = FileSystemOwnedStore.prototype;
FileSystemOwnedStore.prototype.saveManifest = async function (manifest, options) {
  const isChecked = isByCoordinator();
  const saved = await saveOnDisk.call(this, manifest, options);
  // Not read back: simulated disks count every call.
  if (isChecked) check(manifest, 'unseen');
  return saved;
};

afterEach(() => {
  const found = violations.splice(0);
  expect(found).toEqual([]);
});
