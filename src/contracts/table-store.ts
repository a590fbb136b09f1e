// What a store of reference tables promises: a checkpoint of its own, named by a path.

import type { CheckpointId } from '../ids.js';
import type { CallOptions } from './source.js';

/**
 * A store of tables with checkpoints of its own. Obligations:
 *
 * 1. `checkpoint` is durable when it returns; its path is relative and never reused.
 * 2. `restore(path)` brings the tables back to that checkpoint; it runs before sources are restored.
 *    Without a path the tables start empty.
 */
export interface TableStore {
  checkpoint(
    request: { readonly checkpointId: CheckpointId },
    options: CallOptions,
  ): Promise<string>;
  restore(path: string | undefined, options: CallOptions): Promise<void>;
}
