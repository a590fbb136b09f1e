// PostgreSQL connectors: `tidegate/postgres`.

export type {
  CopyIn,
  PostgresClient,
  PostgresDriver,
  PostgresSession,
  QueryAnswer,
} from './driver.js';
export type { PgClient, PgPool } from './pg-driver.js';
export { JsonText } from './json-text.js';
export type { OutputOptions } from './opening.js';
export { postgresSink, postgresUpsertSink } from './sink.js';
export type {
  DatabaseOptions,
  PostgresDatabase,
  PostgresSinkOptions,
  PostgresUpsertSinkOptions,
  SharedOptions,
} from './sink.js';
export type { WriteRecords } from './records.js';
export type { SinkLimits } from './sink-context.js';
export type { TableOptions } from './table.js';
export { postgresSource } from './source.js';
export type { PostgresSourceOptions } from './source.js';
export { PostgresCheckpointStore } from './checkpoint-store.js';
export type { PostgresCheckpointStoreOptions } from './checkpoint-store.js';
export { postgresStorage } from './storage.js';
export type { PostgresStorageOptions } from './storage.js';
