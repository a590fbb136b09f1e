// Objects in tables of PostgreSQL: what an object store needs, where a database is all that there is.
//
// Each change is one statement, so that a condition and its write are one transaction: of two writers with
// the same condition, the second one waits for the row and then finds another tag. A small object lies in
// its row; a large one is a completed upload, whose parts are rows of their own.

import { randomUUID } from 'node:crypto';
import {
  ObjectStorageFailure,
  type ObjectFacts,
  type ObjectPage,
  type ObjectStorage,
  type StoredObject,
  type UploadedPart,
  type UploadName,
} from '../../contracts/object-storage.js';
import type { CallOptions } from '../../contracts/source.js';
import { completeOptions, custom, text, type OptionTable } from '../../options.js';
import type { PostgresDriver } from './driver.js';
import { driverOf, type DatabaseOptions } from './sink.js';
import { StorageTables } from './storage-tables.js';

type Put = Parameters<ObjectStorage['put']>[2];
type Get = Parameters<ObjectStorage['get']>[1];

/** Options of `postgresStorage`: a pool of pg or a `PgliteDatabase`, and a place in it. */
export type PostgresStorageOptions = DatabaseOptions & {
  /** Schema of the tables; made where it is missing. Default `tidegate`. */
  readonly schema?: string;
  /** Of one store or sink; several share the tables under names of their own. Default `default`. */
  readonly name?: string;
};

const optionTable = {
  pool: custom(),
  database: custom(),
  schema: text('tidegate'),
  name: text('default'),
} satisfies OptionTable<PostgresStorageOptions>;

const pageSize = 1_000;
/**
 * An `ObjectStorage` in PostgreSQL 13 or later, or PGlite. A call takes one connection for as long as it runs.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`, `TIDEGATE_POSTGRES_OPTIONS`.
 */
export function postgresStorage(options: PostgresStorageOptions): ObjectStorage {
  const { schema, name } = completeOptions('postgresStorage', options, optionTable);
  return new PostgresStorage(driverOf(options), schema, name);
}

class PostgresStorage implements ObjectStorage {
  readonly address: string;
  readonly #place: string;
  readonly #tables: StorageTables;

  constructor(driver: PostgresDriver, schema: string, name: string) {
    this.address = `postgres:${schema}/${name}`;
    this.#place = name;
    this.#tables = new StorageTables(driver, this.address, schema);
  }

  async head(key: string, call: CallOptions): Promise<ObjectFacts | undefined> {
    const sql = `SELECT ${facts} FROM ${this.#tables.objects} WHERE place = $1 AND key = $2`;
    const [row] = await this.#tables.read(sql, [this.#place, key], call);
    return row === undefined ? undefined : toFacts(row);
  }

  async get(key: string, call: Get): Promise<StoredObject | undefined> {
    const { start = 0, end } = call.range ?? {};
    const length = end === undefined ? 2_147_483_647 : end - start;
    const sql =
      `SELECT ${facts}, upload::text AS upload, encode(substring(body FROM $3::int FOR $4::int), 'hex') AS body` +
      ` FROM ${this.#tables.objects} WHERE place = $1 AND key = $2`;
    // An object in one row is small: its bounds fit.
    const bounds = [Math.min(start + 1, 2_147_483_647), Math.min(length, 1_073_741_824)];
    const [row] = await this.#tables.read(sql, [this.#place, key, ...bounds], call);
    if (row === undefined) return undefined;
    const found = toFacts(row);
    const upload = textOf(row, 'upload');
    const body =
      upload === undefined
        ? one(Buffer.from(textOf(row, 'body') ?? '', 'hex'))
        : this.#bodyOf(upload, { start, end: end ?? found.size }, call);
    return { ...found, body };
  }

  async list(
    { prefix, after }: { readonly prefix: string; readonly after?: string | undefined },
    call: CallOptions,
  ): Promise<ObjectPage> {
    const sql =
      `SELECT ${facts} FROM ${this.#tables.objects} WHERE place = $1 AND key >= $2 AND starts_with(key, $2)` +
      ` AND ($3::text IS NULL OR key > $3 COLLATE "C") ORDER BY key LIMIT ${pageSize + 1}`;
    const rows = await this.#tables.read(sql, [this.#place, prefix, after ?? null], call);
    const objects = rows.slice(0, pageSize).map(toFacts);
    return { objects, next: rows.length > pageSize ? objects.at(-1)?.key : undefined };
  }

  async put(key: string, body: Uint8Array, { condition, signal }: Put): Promise<string> {
    const etag = newTag();
    const values = [this.#place, key, etag, body.byteLength, Buffer.from(body)];
    const row = 'VALUES ($1, $2, $3, $4::bigint, clock_timestamp(), $5::bytea, NULL)';
    const insert = `INSERT INTO ${this.#tables.objects} AS o (${columns}) ${row}`;
    const update = 'etag = $3, size = $4::bigint, modified = clock_timestamp(), body = $5::bytea';
    let write = `${insert} ON CONFLICT (place, key) DO UPDATE SET ${update}, upload = NULL`;
    if (condition !== undefined && 'ifAbsent' in condition) {
      write = `${insert} ON CONFLICT (place, key) DO NOTHING`;
    } else if (condition !== undefined) {
      values.push(condition.ifMatch);
      write = `UPDATE ${this.#tables.objects} AS o SET ${update}, upload = NULL WHERE place = $1 AND key = $2 AND etag = $6`;
    }
    // What an older object of this name was made of goes with it.
    const sql =
      `WITH put AS (${write} RETURNING o.key), gone AS (DELETE FROM ${this.#tables.uploads} u USING put` +
      ` WHERE u.place = $1 AND u.key = put.key AND u.is_complete) SELECT key, ${durable} FROM put`;
    const rows = await this.#tables.write(`writing ${key}`, sql, values, { signal });
    if (rows.length === 0) {
      throw new ObjectStorageFailure('condition-failed', `${this.address}: ${key} has changed`);
    }
    return etag;
  }

  async delete(key: string, call: CallOptions): Promise<void> {
    const sql =
      `WITH gone AS (DELETE FROM ${this.#tables.objects} WHERE place = $1 AND key = $2 RETURNING upload)` +
      ` DELETE FROM ${this.#tables.uploads} u USING gone WHERE u.id = gone.upload`;
    await this.#tables.write(`deleting ${key}`, sql, [this.#place, key], call);
  }

  async createUpload(key: string, call: CallOptions): Promise<string> {
    const id = randomUUID();
    const sql = `INSERT INTO ${this.#tables.uploads} (id, place, key, is_complete) VALUES ($1::uuid, $2, $3, false)`;
    await this.#tables.write(`beginning an upload of ${key}`, sql, [id, this.#place, key], call);
    return id;
  }

  async uploadPart(
    part: UploadName & { readonly partNumber: number; readonly body: Uint8Array },
    call: CallOptions,
  ): Promise<UploadedPart> {
    const { key, uploadId, partNumber, body } = part;
    const etag = newTag();
    // The upload's row is locked, so that it is neither completed nor ended meanwhile.
    const sql =
      `WITH of AS (SELECT id FROM ${this.#tables.uploads} WHERE id = $1::uuid AND place = $2 AND key = $3` +
      ` AND NOT is_complete FOR SHARE) INSERT INTO ${this.#tables.parts} AS p (upload, number, etag, bytes)` +
      ' SELECT id, $4::int, $5, $6::bytea FROM of ON CONFLICT (upload, number)' +
      ' DO UPDATE SET etag = $5, bytes = $6::bytea RETURNING p.number';
    const values = [toUuid(uploadId), this.#place, key, partNumber, etag, Buffer.from(body)];
    const rows = await this.#tables.write(`writing a part of ${key}`, sql, values, call);
    if (rows.length === 0) throw this.#uploadGone(key);
    return { partNumber, etag };
  }

  async completeUpload(
    { key, uploadId, parts }: UploadName & { readonly parts: readonly UploadedPart[] },
    call: CallOptions,
  ): Promise<string> {
    const etag = newTag();
    const given = [...parts].sort((a, b) => a.partNumber - b.partNumber);
    const numbers = `{${given.map(({ partNumber }) => partNumber).join(',')}}`;
    const tags = `{${given.map((part) => `"${part.etag.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
    // The parts that were named, and no other, with the tags that they have.
    const sql =
      `WITH of AS (SELECT id FROM ${this.#tables.uploads} WHERE id = $1::uuid AND place = $2 AND key = $3` +
      ` AND NOT is_complete FOR UPDATE), named AS (SELECT * FROM unnest($5::int[], $6::text[]) AS n(number, etag)),` +
      ` held AS (SELECT p.number, length(p.bytes) AS size FROM ${this.#tables.parts} p JOIN of ON p.upload = of.id` +
      ' JOIN named ON named.number = p.number AND named.etag = p.etag),' +
      ' fits AS (SELECT of.id FROM of WHERE (SELECT count(*) FROM held) = (SELECT count(*) FROM named)' +
      '  AND (SELECT count(*) FROM named) > 0),' +
      ` rest AS (DELETE FROM ${this.#tables.parts} p USING fits WHERE p.upload = fits.id` +
      '  AND p.number NOT IN (SELECT number FROM named)),' +
      ` older AS (DELETE FROM ${this.#tables.uploads} u USING fits WHERE u.place = $2 AND u.key = $3 AND u.is_complete),` +
      ` done AS (UPDATE ${this.#tables.uploads} u SET is_complete = true FROM fits WHERE u.id = fits.id RETURNING u.id),` +
      ` put AS (INSERT INTO ${this.#tables.objects} AS o (${columns}) SELECT $2, $3, $4,` +
      '  (SELECT coalesce(sum(size), 0) FROM held), clock_timestamp(), NULL, id FROM done' +
      '  ON CONFLICT (place, key) DO UPDATE SET etag = excluded.etag, size = excluded.size,' +
      '  modified = excluded.modified, body = NULL, upload = excluded.upload RETURNING o.key)' +
      ` SELECT (SELECT count(*) FROM of)::text AS uploads, (SELECT count(*) FROM put)::text AS made, ${durable}`;
    const values = [toUuid(uploadId), this.#place, key, etag, numbers, tags];
    const [row] = await this.#tables.write(`completing ${key}`, sql, values, call);
    if (row?.uploads !== '1') throw this.#uploadGone(key);
    if (row.made !== '1') {
      throw new ObjectStorageFailure(
        'invalid',
        `${this.address}: completing ${key}: a part is missing, or has another tag`,
      );
    }
    return etag;
  }

  async abortUpload({ key, uploadId }: UploadName, call: CallOptions): Promise<void> {
    const sql = `DELETE FROM ${this.#tables.uploads} WHERE id = $1::uuid AND place = $2 AND key = $3 AND NOT is_complete`;
    await this.#tables.write(
      `ending an upload of ${key}`,
      sql,
      [toUuid(uploadId), this.#place, key],
      call,
    );
  }

  async listUploads(prefix: string, call: CallOptions): Promise<readonly UploadName[]> {
    const sql =
      `SELECT key, id::text AS id FROM ${this.#tables.uploads} WHERE place = $1 AND starts_with(key, $2)` +
      ' AND NOT is_complete ORDER BY key, id';
    const rows = await this.#tables.read(sql, [this.#place, prefix], call);
    return rows.map((row) => ({
      key: textOf(row, 'key') ?? '',
      uploadId: textOf(row, 'id') ?? '',
    }));
  }

  async *#bodyOf(
    upload: string,
    { start, end }: { readonly start: number; readonly end: number },
    call: CallOptions,
  ): AsyncGenerator<Uint8Array> {
    const list = `SELECT number, length(bytes)::text AS size FROM ${this.#tables.parts} WHERE upload = $1::uuid ORDER BY number`;
    const sql = `SELECT encode(substring(bytes FROM $3::int FOR $4::int), 'hex') AS body FROM ${this.#tables.parts} WHERE upload = $1::uuid AND number = $2::int`;
    let at = 0;
    for (const row of await this.#tables.read(list, [upload], call)) {
      const size = Number(row.size);
      const [from, to] = [Math.max(start - at, 0), Math.min(end - at, size)];
      at += size;
      if (from >= to) continue;
      const [part] = await this.#tables.read(sql, [upload, row.number, from + 1, to - from], call);
      if (part === undefined) {
        throw new ObjectStorageFailure(
          'unknown',
          `${this.address}: an object was deleted while it was read`,
        );
      }
      yield Buffer.from(textOf(part, 'body') ?? '', 'hex');
    }
  }

  #uploadGone(key: string): ObjectStorageFailure {
    return new ObjectStorageFailure('upload-gone', `${this.address}: the upload of ${key} is gone`);
  }
}

const columns = 'place, key, etag, size, modified, body, upload';
const facts =
  'key, etag, size::text AS size, round(extract(epoch FROM modified) * 1000)::text AS modified';
/** A commit that does not wait for the disk would be no write: of this transaction alone it is turned on. */
const durable =
  "CASE WHEN current_setting('synchronous_commit') = 'off'" +
  " THEN set_config('synchronous_commit', 'on', true) END AS durable";

function newTag(): string {
  return `"${randomUUID()}"`;
}

/** An id of another service is that of no upload. */
function toUuid(id: string): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
    ? id
    : '00000000-0000-0000-0000-000000000000';
}

function textOf(row: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = row[name];
  return typeof value === 'string' ? value : undefined;
}

function toFacts(row: Readonly<Record<string, unknown>>): ObjectFacts {
  return {
    key: textOf(row, 'key') ?? '',
    etag: textOf(row, 'etag') ?? '',
    size: Number(row.size),
    lastModifiedMs: Number(row.modified),
  };
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.byteLength > 0) yield bytes;
}
