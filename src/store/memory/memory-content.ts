// What a memory store holds between its sessions, and who owns it.

import { TidegateError } from '../../errors.js';
import { parseManifest } from '../../manifest/parse.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import { generation, highestGeneration, type Generation, type StoreId } from '../../ids.js';

/** One checkpoint as text and bytes, so that nothing stored is shared with a caller's objects. */
export interface StoredCheckpoint {
  readonly manifestText: string;
  readonly sidecar: Uint8Array | undefined;
}

const parsed = new WeakMap<StoredCheckpoint, CheckpointManifest>();

/** Parsed and verified from the text, once: a text that is stored never changes. */
export function manifestOf(stored: StoredCheckpoint): CheckpointManifest {
  const known = parsed.get(stored);
  if (known !== undefined) return known;
  const manifest = parseManifest(stored.manifestText);
  parsed.set(stored, manifest);
  return manifest;
}

/** What outlives the sessions of a memory store. */
export interface MemoryContent {
  readonly checkpoints: Map<number, StoredCheckpoint>;
  readonly quarantined: Map<number, StoredCheckpoint>;
  storeId: StoreId | undefined;
  pipeline: string | undefined;
  /** Of the newest owner; 0 before the first. */
  generation: number;
}

/** Takes the next generation, of an owner that was not overtaken or of a process that takes over. */
export function claimNext(content: MemoryContent): Generation {
  if (content.generation >= highestGeneration) {
    throw new TidegateError(
      'TIDEGATE_GENERATIONS_EXHAUSTED',
      `generation ${content.generation} is the last`,
    );
  }
  content.generation += 1;
  return generation(content.generation);
}
