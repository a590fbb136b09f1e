// The PostgreSQL sink: rows of an epoch in one transaction, together with the marker that proves it.

import { TidegateError } from '../../errors.js';
import {
  callback,
  completeOptions,
  contract,
  custom,
  text,
  type OptionTable,
} from '../../options.js';
import { durabilityProblem, type FlushingSink, type TwoPhaseSink } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { silentLogger, type Logger } from '../../runtime/logger.js';
import { Catalog } from './catalog.js';
import type { PostgresDriver } from './driver.js';
import { PostgresInspector } from './inspector.js';
import { defaultSchema } from './names.js';
import { openContext, type OutputOptions, type SinkParts } from './opening.js';
import { pgDriver, type PgPool } from './pg-driver.js';
import { OneTransactionSession, PreparedSession } from './session.js';
import type { SinkNeeds } from './shared-room.js';
import { UpsertSession } from './upsert-session.js';
import { limitsOf, limitTable, type SinkLimits } from './sink-context.js';
import { quotedName, type TableOptions } from './table.js';

/** A database that brings its own driver, such as the `PgliteDatabase` of `tidegate/pglite`. */
export interface PostgresDatabase {
  readonly driver: PostgresDriver;
}

/** Where the database is: a `pg` pool, or one that brings its own driver. */
export type DatabaseOptions =
  | { readonly pool: PgPool; readonly database?: undefined }
  | { readonly database: PostgresDatabase; readonly pool?: undefined };

/** Options of both forms of `postgresSink`. */
export interface SharedOptions extends Partial<SinkLimits> {
  /** Schema of the two tables that the sinks of all pipelines share. Default `tidegate`. */
  readonly schema?: string;
  readonly logger?: Logger;
}

/** Options of `postgresSink`: a table to be filled, or a `write` of your own. */
export type PostgresSinkOptions<Rec> = DatabaseOptions &
  OutputOptions<Rec> &
  SharedOptions & {
    /**
     * `durable` (default) prepares each epoch and needs `max_prepared_transactions` above 0;
     * `last-resource` commits it in one transaction.
     */
    readonly durability?: TwoPhaseSink['durability'];
  };

/** Rows are replaced by key; with `write` there would be no key to replace by. */
export type PostgresUpsertSinkOptions = DatabaseOptions &
  TableOptions & { readonly key: readonly string[] } & SharedOptions;

const sharedTable = {
  pool: contract(['connect']),
  database: custom(),
  table: custom(),
  columns: custom(),
  key: custom(),
  schema: text(defaultSchema),
  logger: contract(['info', 'warn'], silentLogger),
  ...limitTable,
} satisfies OptionTable<PostgresUpsertSinkOptions>;

const sinkTable = {
  ...sharedTable,
  write: callback(),
  durability: custom(durabilityOf, 'durable'),
} satisfies OptionTable<PostgresSinkOptions<unknown>>;

const report = { code: 'TIDEGATE_POSTGRES_OPTIONS' } as const;

const maxPrepared = 1;

/** One for the open epoch, and one for an epoch that is complete and not yet committed. */
const inOneTransaction: SinkNeeds = { heldConnections: 2, maxPrepared: 0 };

const needsOf: Readonly<Record<TwoPhaseSink['durability'], SinkNeeds>> = {
  durable: { heldConnections: 1, maxPrepared },
  'last-resource': inOneTransaction,
};

/**
 * Writes records as rows of a table: by COPY, or by key where `key` is given, or with the user's own
 * `write`. Numbers, texts, booleans, bigints, dates, byte arrays and arrays become what the column
 * takes; json columns take any value.
 *
 * @throws TidegateError `TIDEGATE_POSTGRES_…`, from `open`, naming the setting, the right, the table
 * or the column that is missing and the statement that mends it.
 */
export function postgresSink<Rec = Readonly<Record<string, unknown>>>(
  options: PostgresSinkOptions<Rec>,
): TwoPhaseSink<Rec> {
  completeOptions('postgresSink', options, sinkTable, report);
  const durability = options.durability ?? 'durable';
  const parts = partsOf(options);
  const { driver, catalog, schema } = parts;
  return {
    durability,
    maxPrepared,
    open: async (given, call) => {
      const owner = { ...given, schema };
      const needs = needsOf[durability];
      const context = await openContext(parts, owner, { options, needs }, call);
      return needs.maxPrepared > 0
        ? new PreparedSession(context)
        : new OneTransactionSession(context);
    },
    openReadOnly: async (given, call: CallOptions) => {
      const identity = { ...given, schema };
      const inspector = new PostgresInspector({ driver, catalog, identity });
      await inspector.checkStore(call);
      return inspector;
    },
  };
}

/**
 * Replaces rows by key, each epoch in one transaction without a marker: writing it again after a
 * crash has the same effect. It is fenced like the others, so that no late write goes back in time,
 * and needs neither prepared transactions nor a second phase.
 */
export function postgresUpsertSink<Rec = Readonly<Record<string, unknown>>>(
  options: PostgresUpsertSinkOptions,
): FlushingSink<Rec> {
  completeOptions('postgresUpsertSink', options, sharedTable, report);
  const parts = partsOf(options);
  return {
    durability: 'idempotent',
    ordersWrites: true,
    open: async (given, call) => {
      const owner = { ...given, schema: parts.schema };
      const needs = { heldConnections: 1, maxPrepared: 0 };
      const context = await openContext<Rec>(parts, owner, { options, needs }, call);
      return new UpsertSession(context);
    },
  };
}

function partsOf(
  options: DatabaseOptions & SharedOptions & { readonly table?: TableOptions['table'] | undefined },
): SinkParts {
  // Names are checked when the pipeline is built, not at its first record.
  if (options.table !== undefined) quotedName(options.table);
  const { schema = defaultSchema } = options;
  return {
    schema,
    driver: driverOf(options),
    catalog: new Catalog(schema),
    limits: limitsOf(options),
    logger: options.logger ?? silentLogger,
  };
}

export function driverOf(options: DatabaseOptions): PostgresDriver {
  // Callers without types may give neither, or both.
  const { pool, database } = options as unknown as {
    readonly pool?: PgPool;
    readonly database?: PostgresDatabase;
  };
  if (pool !== undefined && database === undefined) return pgDriver(pool);
  if (database !== undefined && pool === undefined) return database.driver;
  throw new TidegateError(
    'TIDEGATE_POSTGRES_OPTIONS',
    'give either pool, a Pool of pg (npm install pg), or database, a PgliteDatabase of tidegate/pglite',
  );
}

function durabilityOf(durability: unknown): string | undefined {
  if (durability === 'durable' || durability === 'last-resource') return undefined;
  return (
    durabilityProblem(durability) ??
    `cannot be ${String(durability)}, only durable or last-resource`
  );
}
