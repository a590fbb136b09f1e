// Calls to the tables of a `postgresStorage`: one statement on one connection, and what its failure means.

import { ObjectStorageFailure } from '../../contracts/object-storage.js';
import type { CallOptions } from '../../contracts/source.js';
import { orAborted } from '../../runtime/abort.js';
import type { PostgresDriver, QueryAnswer } from './driver.js';
import { quoteIdentifier } from './names.js';
import { sqlStateOf } from './trouble.js';

const missingTable = '42P01';
const missingSchema = '3F000';
/** Everything that makes the tables, one after the other: two that make them at once would fail. */
const tablesLock = 7_283_946_018_273_645;

export class StorageTables {
  readonly objects: string;
  readonly uploads: string;
  readonly parts: string;
  readonly #driver: PostgresDriver;
  readonly #address: string;
  readonly #schema: string;

  constructor(driver: PostgresDriver, address: string, schema: string) {
    this.#driver = driver;
    this.#address = address;
    this.#schema = quoteIdentifier(schema);
    this.objects = `${this.#schema}.store_objects`;
    this.uploads = `${this.#schema}.store_uploads`;
    this.parts = `${this.#schema}.store_parts`;
  }

  /** Without its tables a place is empty. */
  async read(
    sql: string,
    values: readonly unknown[],
    call: CallOptions,
  ): Promise<QueryAnswer['rows']> {
    try {
      return await this.#ask(sql, values, call);
    } catch (error) {
      call.signal.throwIfAborted();
      const state = sqlStateOf(error);
      if (state === missingTable || state === missingSchema) return [];
      throw this.#failure('reading', error, 'unreachable');
    }
  }

  async write(
    doing: string,
    sql: string,
    values: readonly unknown[],
    call: CallOptions,
  ): Promise<QueryAnswer['rows']> {
    try {
      return await this.#ask(sql, values, call);
    } catch (error) {
      call.signal.throwIfAborted();
      const state = sqlStateOf(error);
      if (state !== missingTable && state !== missingSchema) {
        throw this.#failure(doing, error, 'unknown');
      }
    }
    try {
      await this.#makeTables(call);
      return await this.#ask(sql, values, call);
    } catch (error) {
      call.signal.throwIfAborted();
      throw this.#failure(doing, error, 'unknown');
    }
  }

  async #ask(
    sql: string,
    values: readonly unknown[],
    call: CallOptions,
  ): Promise<QueryAnswer['rows']> {
    let session;
    try {
      session = await this.#driver.connect(call);
    } catch (error) {
      call.signal.throwIfAborted();
      throw this.#failure('connecting', error, 'unreachable');
    }
    try {
      const { rows } = await orAborted(session.query(sql, values), call.signal);
      session.release();
      return rows;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  async #makeTables(call: CallOptions): Promise<void> {
    const session = await this.#driver.connect(call);
    try {
      await orAborted(
        session.commands([
          `SELECT pg_advisory_xact_lock(${tablesLock})`,
          `CREATE SCHEMA IF NOT EXISTS ${this.#schema}`,
          `CREATE TABLE IF NOT EXISTS ${this.uploads} (id uuid PRIMARY KEY, place text NOT NULL,` +
            ' key text NOT NULL, is_complete boolean NOT NULL)',
          `CREATE INDEX IF NOT EXISTS store_uploads_by_key ON ${this.uploads} (place, key)`,
          `CREATE TABLE IF NOT EXISTS ${this.parts} (upload uuid NOT NULL REFERENCES ${this.uploads}` +
            ' ON DELETE CASCADE, number int NOT NULL, etag text NOT NULL, bytes bytea NOT NULL,' +
            ' PRIMARY KEY (upload, number))',
          // Without compression a range is read without the rest.
          `ALTER TABLE ${this.parts} ALTER COLUMN bytes SET STORAGE EXTERNAL`,
          `CREATE TABLE IF NOT EXISTS ${this.objects} (place text NOT NULL, key text COLLATE "C" NOT NULL,` +
            ' etag text NOT NULL, size bigint NOT NULL, modified timestamptz NOT NULL, body bytea,' +
            ' upload uuid, PRIMARY KEY (place, key))',
        ]),
        call.signal,
      );
      session.release();
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  /** What a server has refused has had no effect; of a lost connection nothing is known. */
  #failure(doing: string, error: unknown, lost: 'unknown' | 'unreachable'): ObjectStorageFailure {
    if (error instanceof ObjectStorageFailure) return error;
    const state = sqlStateOf(error);
    const { message } = error as Error;
    const said = `${this.#address}: ${doing}: ${message}${state === undefined ? '' : ` (${state})`}`;
    return new ObjectStorageFailure(kindOf(state, lost), said, { cause: error });
  }
}

/** Classes and codes of states: https://www.postgresql.org/docs/current/errcodes-appendix.html */
function kindOf(
  state: string | undefined,
  lost: 'unknown' | 'unreachable',
): ObjectStorageFailure['kind'] {
  // 57P01 to 57P05 end the session: the server may have committed before. An errno is no state.
  if (state === undefined || !/^[0-9A-Z]{5}$/.test(state)) return lost;
  if (/^(08|57P|58|XX)/.test(state)) return lost;
  if (/^(28|42501|25006)/.test(state)) return 'denied';
  if (/^(40|53|55|57)/.test(state)) return 'throttled';
  return state === '3D000' || state === '3F000' ? 'missing-bucket' : 'invalid';
}
