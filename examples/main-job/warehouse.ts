// Where the statistics go: an embedded PGlite in a directory, or the PostgreSQL server of DATABASE_URL.

import { PgliteDatabase } from 'tidegate/pglite';
import { postgresSink } from 'tidegate/postgres';
import type { TwoPhaseSink } from 'tidegate/extend';
import { embeddedPostgres } from './embedded-postgres.js';
import type { AirportDay } from './flight.js';
import { stoppingPglite, stoppingPool } from './stopping-database.js';
import type { Announcer } from './stopping-files.js';

/** A table, and the schema in which the sink keeps its markers. The address stays in DATABASE_URL. */
export type WarehousePlace =
  | { readonly kind: 'embedded'; readonly directory: string }
  | { readonly kind: 'server'; readonly schema: string; readonly table: string };

export interface Warehouse {
  readonly sink: TwoPhaseSink<AirportDay>;
  close(): Promise<void>;
}

/** No key on purpose: a duplicate would be refused by it, and the checker could not count it. */
export const tableColumns = 'day text, airport text, flights int, late int, minutes int, worst int';

/** @param announcer Called before and after everything that becomes durable. */
export async function openWarehouse(
  place: WarehousePlace,
  announcer: Announcer | undefined,
): Promise<Warehouse> {
  if (place.kind === 'embedded') {
    const PGlite = await embeddedPostgres();
    const database = new PgliteDatabase({
      PGlite: announcer === undefined ? PGlite : stoppingPglite(PGlite, announcer),
      directory: place.directory,
    });
    const sink = postgresSink<AirportDay>({ database, table: 'statistics' });
    return { sink, close: () => database.close() };
  }
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL ?? '', max: 6 });
  // An idle connection that the server ends would end the process.
  pool.on('error', () => undefined);
  const sink = postgresSink<AirportDay>({
    pool: announcer === undefined ? pool : stoppingPool(pool, announcer),
    table: { schema: place.schema, name: place.table },
    schema: place.schema,
  });
  return { sink, close: () => pool.end() };
}
