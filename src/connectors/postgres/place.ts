// Where a PostgreSQL source is: behind which row, of which table, of which server; and what that row said.

import { createHash } from 'node:crypto';
import { lostInput } from '../../contracts/lost-input.js';
import { TidegateError } from '../../errors.js';
import type { Offsets } from '../../contracts/source.js';
import type { PostgresSession } from './driver.js';
import { readServerIdentity } from './server-identity.js';

/** What a position was read from. Numbers of PostgreSQL, as texts. */
export interface Origin {
  /** `system_identifier` of the server; undefined where the role may not read it. */
  readonly system: string | undefined;
  /** Object ids: a name can be given to another database or table. */
  readonly database: string;
  readonly table: string;
}

export interface Place {
  /** Of the last row that was handed out. Both are texts of the server, exact for every type of key. */
  readonly transaction: string;
  readonly key: string;
  /** Undefined in positions that were saved before these were kept. */
  readonly origin?: Origin | undefined;
  /** `digestOf` that row. */
  readonly row?: string | undefined;
}

export async function readOrigin(session: PostgresSession, table: string): Promise<Origin> {
  const { rows } = await session.query(
    'SELECT oid::text AS database FROM pg_database WHERE datname = current_database()',
  );
  const system = await readServerIdentity(session);
  return { system, database: String(rows[0]?.database), table };
}

export function toOffsets(place: Place | undefined): Offsets {
  if (place === undefined) return {};
  const { transaction, key, origin, row } = place;
  return {
    transaction,
    key,
    ...(origin?.system === undefined ? {} : { system: origin.system }),
    ...(origin === undefined ? {} : { database: origin.database, table: origin.table }),
    ...(row === undefined ? {} : { row }),
  };
}

export function toPlace(offsets: Offsets): Place | undefined {
  const { transaction, key, system, database, table, row } = offsets;
  if (transaction === undefined && key === undefined) return undefined;
  if (transaction === undefined || key === undefined || !/^\d+$/.test(transaction)) {
    throw sourceProblem('the offsets are not of a PostgreSQL source');
  }
  const origin = database === undefined || table === undefined ? undefined : { database, table };
  return { transaction, key, origin: origin && { system, ...origin }, row };
}

/** What a person gives to accept one position; it says nothing of any other one. */
export function consentTo({ transaction, key, origin }: Place): string {
  const { system = '', database = '', table = '' } = origin ?? {};
  return [system, database, table, transaction, key].join('/');
}

/**
 * @param shape What the columns are; rows of another shape cannot be compared.
 * @param values Texts of the server.
 */
export function digestOf(shape: string, values: readonly unknown[]): string {
  return `${sha256(shape).slice(0, 8)}-${sha256(JSON.stringify(values)).slice(0, 32)}`;
}

/** `undefined` where they cannot be compared. */
export function saysTheSame(one: string, other: string): boolean | undefined {
  const [shape, digest] = one.split('-');
  const [otherShape, otherDigest] = other.split('-');
  return shape === otherShape ? digest === otherDigest : undefined;
}

/** How the origins differ, as a sentence; undefined when nothing shows that they do. */
export function originProblem(saved: Origin, found: Origin): string | undefined {
  if (saved.system !== undefined && found.system === undefined) {
    return (
      `the position is of server ${saved.system}, and this role may not read which server this is: ` +
      'GRANT EXECUTE ON FUNCTION pg_control_system() TO it'
    );
  }
  if (saved.system !== undefined && saved.system !== found.system) {
    return `the position is of server ${saved.system}, and this is server ${String(found.system)}`;
  }
  if (saved.database !== found.database) {
    return `the position is of the database with oid ${saved.database}, and this is ${found.database}`;
  }
  if (saved.table !== found.table) {
    return `the position is of the table with oid ${saved.table}, and this is ${found.table}`;
  }
  return undefined;
}

const code = 'TIDEGATE_POSTGRES_SOURCE';

function sourceProblem(what: string): TidegateError {
  return new TidegateError(code, what);
}

/** A place that this table cannot have given, and where it can be read on all the same. */
export function lostPlace(what: string, goesOnAt: string): TidegateError {
  return lostInput(what, { code, goesOnAt });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
