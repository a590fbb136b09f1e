// The right to commit sinks: a value that only a store's durable save can make.

import type { CheckpointManifest } from '../manifest/types.js';

const proof: unique symbol = Symbol('persisted');

/** A manifest that was durable when this value was made. */
export interface PersistedManifest {
  readonly [proof]: true;
  readonly manifest: CheckpointManifest;
}

/**
 * Makes the proof. For implementations of `CheckpointStore`, after the manifest is durable, and
 * for nobody else: whoever makes one early lets sinks commit what a crash can still take back.
 */
export function provePersisted(manifest: CheckpointManifest): PersistedManifest {
  return { [proof]: true, manifest };
}
