// A simulated store of reference tables: its checkpoints outlive every crash, the rows do not.

import { assert } from '../../assert.js';
import type { TableStore } from '../../contracts/table-store.js';
import type { Port } from './port.js';

/** The rows of the process that uses it, as they were put or restored. */
export interface SimulatedTableStore extends TableStore {
  put(key: string, row: unknown): void;
  get(key: string): unknown;
}

/** The durable half: checkpoints by path. */
export class TableStorage {
  readonly checkpoints = new Map<string, ReadonlyMap<string, unknown>>();
}

/** The table store as one life sees it; the storage is shared by all lives. */
export function simulatedTableStore(storage: TableStorage, port: Port): SimulatedTableStore {
  let rows = new Map<string, unknown>();
  return {
    put: (key, row) => void rows.set(key, row),
    get: (key) => rows.get(key),
    checkpoint: ({ checkpointId }, options) =>
      port.durable('checkpoint', options, () => {
        const path = `tables/${checkpointId}`;
        assert(!storage.checkpoints.has(path), `table checkpoint ${path} is written twice`);
        storage.checkpoints.set(path, new Map(rows));
        return path;
      }),
    restore: (path, options) =>
      port.answer('restore', options, () => {
        const stored =
          path === undefined ? new Map<string, unknown>() : storage.checkpoints.get(path);
        if (stored === undefined) throw new Error(`there is no table checkpoint ${String(path)}`);
        rows = new Map(stored);
      }),
  };
}
