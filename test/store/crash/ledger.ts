// What a store has acknowledged to its caller, and what the call in flight may still change.

import { serializeManifest } from '../../../src/manifest/index.js';
import type { CheckpointManifest } from '../../../src/manifest/index.js';

export class Ledger {
  storeId: string | undefined;
  /** Highest that any open has returned. */
  generation = 0;
  /** Text of each acknowledged checkpoint, by id. */
  readonly saved = new Map<number, string>();
  /** Deletions that were acknowledged. */
  readonly pruned = new Set<number>();
  /** The version that a call in flight may have written. */
  readonly inFlight = new Map<number, string>();
  isPruning = false;

  clone(): Ledger {
    const copy = new Ledger();
    copy.storeId = this.storeId;
    copy.generation = this.generation;
    copy.isPruning = this.isPruning;
    for (const [id, text] of this.saved) copy.saved.set(id, text);
    for (const [id, text] of this.inFlight) copy.inFlight.set(id, text);
    for (const id of this.pruned) copy.pruned.add(id);
    return copy;
  }

  begin(manifest: CheckpointManifest): void {
    this.inFlight.set(manifest.checkpointId, serializeManifest(manifest));
  }

  acknowledge(manifest: CheckpointManifest): void {
    this.inFlight.delete(manifest.checkpointId);
    this.saved.set(manifest.checkpointId, serializeManifest(manifest));
  }

  /** A short text that two ledgers share exactly when a disk must satisfy both alike. */
  key(): string {
    return JSON.stringify([
      this.storeId,
      this.generation,
      [...this.saved],
      [...this.pruned],
      [...this.inFlight],
      this.isPruning,
    ]);
  }
}
