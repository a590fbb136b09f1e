// Checkpoints in PostgreSQL, which several machines share.

import {
  ObjectCheckpointStore,
  type ObjectCheckpointStoreOptions,
} from '../../store/object/object-store.js';
import { postgresStorage, type PostgresStorageOptions } from './storage.js';

/** Options of a `PostgresCheckpointStore`: where the tables are, and those of an object store. */
export type PostgresCheckpointStoreOptions = PostgresStorageOptions &
  Omit<ObjectCheckpointStoreOptions, 'storage'>;

/**
 * An `ObjectCheckpointStore` over `postgresStorage`. The row that says who owns the store is changed by one
 * statement under the tag that was read, so that an overtaken owner changes nothing. Sidecars are rows of
 * `partBytes`, read and written one at a time.
 */
export class PostgresCheckpointStore extends ObjectCheckpointStore {
  /** @throws TidegateError `TIDEGATE_OPTIONS`, `TIDEGATE_POSTGRES_OPTIONS`. */
  constructor(options: PostgresCheckpointStoreOptions) {
    // Callers without types may give none.
    const { schema, name, pool, database, ...rest } = { ...(options as unknown as Given) };
    const place = Object.entries({ schema, name, pool, database }).filter(
      ([, value]) => value !== undefined,
    );
    const storage = postgresStorage(Object.fromEntries(place) as never);
    super({ ...rest, storage });
  }
}

type Given = Readonly<Record<string, unknown>>;
