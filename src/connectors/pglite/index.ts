// An embedded PostgreSQL for the sinks and sources of `tidegate/postgres`: `tidegate/pglite`.

export { PgliteDatabase } from './database.js';
export type { PgliteClass, PgliteDatabaseOptions } from './database.js';
export type { Pglite, PgliteMessage } from './session.js';
export type {
  CopyIn,
  PostgresClient,
  PostgresDriver,
  PostgresSession,
  QueryAnswer,
} from '../postgres/driver.js';
export type { PostgresDatabase } from '../postgres/sink.js';
