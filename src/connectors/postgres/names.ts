// Every durable name that the PostgreSQL connectors use, made and read here only.

import { createHash } from 'node:crypto';
import { TidegateError } from '../../errors.js';
import type { CheckpointId } from '../../ids.js';
import type { SinkOwner } from '../../contracts/sink.js';

/** The schema whose names are the plain ones: they were given before others had names of their own. */
export const defaultSchema = 'tidegate';

/** Which sink of which pipeline, and in which schema it is remembered. */
export interface SinkIdentity extends Pick<SinkOwner, 'pipeline' | 'sink'> {
  readonly schema: string;
}

/** An owner, with the schema in which it is remembered. */
export type PostgresOwner = SinkOwner & SinkIdentity;

/** Somebody who only looks. */
export type PostgresReader = Omit<PostgresOwner, 'generation'>;

/** PostgreSQL's limit of a prepared transaction's name, in bytes. */
const maxGidBytes = 199;
/** `/generation/checkpoint id`: at most 9 and 16 digits. */
const maxSuffixBytes = 27;
const shortenedBytes = 100;

/**
 * What all prepared transactions of a sink begin with: `pipeline/sink/`, or `schema:pipeline/sink/`
 * where the schema is not the default, because they belong to the database and not to a schema.
 * Anything but plain ASCII is percent-encoded, a colon too; what is too long is cut and ends in `~` and
 * a SHA-256, which no short one has.
 */
export function gidPrefix({ schema, pipeline, sink }: SinkIdentity): string {
  const place = schema === defaultSchema ? '' : `${plain(schema)}:`;
  const joined = `${place}${plain(pipeline)}/${plain(sink)}`;
  if (joined.length <= maxGidBytes - maxSuffixBytes) return `${joined}/`;
  const digest = createHash('sha256').update(joined).digest('hex');
  return `${joined.slice(0, shortenedBytes)}~${digest}/`;
}

/** Name of one prepared epoch, which is also its commit handle. */
export function gidOf(owner: PostgresOwner, id: CheckpointId): string {
  return `${gidPrefix(owner)}${owner.generation}/${id}`;
}

/** The checkpoint id in a handle of this sink; undefined for anything else. */
export function checkpointIdOfGid(identity: SinkIdentity, gid: string): CheckpointId | undefined {
  const prefix = gidPrefix(identity);
  if (!gid.startsWith(prefix)) return undefined;
  const [, digits] = /^[1-9]\d{0,8}\/([1-9]\d{0,15})$/.exec(gid.slice(prefix.length)) ?? [];
  return digits === undefined ? undefined : (Number(digits) as CheckpointId);
}

/** @throws TidegateError `TIDEGATE_POSTGRES_HANDLE` for the handle of another sink. */
export function requireOwnGid(identity: SinkIdentity, handle: string): CheckpointId {
  const id = checkpointIdOfGid(identity, handle);
  if (id !== undefined) return id;
  throw new TidegateError(
    'TIDEGATE_POSTGRES_HANDLE',
    `${JSON.stringify(handle.slice(0, 250))} is no handle of sink ${identity.sink} of pipeline ` +
      identity.pipeline,
  );
}

/** Key of the sink's advisory lock: a signed 64-bit number as text. */
export function lockKeyOf({ schema, pipeline, sink }: SinkIdentity): string {
  return keyOf('sink', pipeline, sink, ...placeOf(schema));
}

/** Key of the lock under which the sinks of a pipeline are opened one after the other. */
export function openLockKeyOf({ schema, pipeline }: Omit<SinkIdentity, 'sink'>): string {
  return keyOf('open', pipeline, ...placeOf(schema));
}

/** What the sessions of one owner are called in `pg_stat_activity`; at most 63 bytes. */
export function applicationNameOf(owner: PostgresOwner): string {
  return `${applicationPrefix(owner)}${owner.generation}`;
}

export function applicationPrefix(identity: SinkIdentity): string {
  return `tidegate:${BigInt.asUintN(64, BigInt(lockKeyOf(identity))).toString(16)}:`;
}

/** An identifier as SQL takes it, whatever is in it. */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) {
    throw new TidegateError(
      'TIDEGATE_POSTGRES_OPTIONS',
      `${JSON.stringify(name)} is no name of a schema, table or column`,
    );
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL takes it in statements that have no parameters, whatever is in it. */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) {
    throw new TidegateError(
      'TIDEGATE_POSTGRES_OPTIONS',
      `${JSON.stringify(text)} has a zero character in it, which PostgreSQL cannot take`,
    );
  }
  const quoted = text.replaceAll("'", "''");
  // What a backslash means in plain quotes is a setting of the server.
  return quoted.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}

function plain(name: string): string {
  if (!name.isWellFormed()) {
    throw new TidegateError(
      'TIDEGATE_POSTGRES_OPTIONS',
      `the name ${JSON.stringify(name)} is not well-formed Unicode`,
    );
  }
  return encodeURIComponent(name).replaceAll('~', '%7E');
}

/** Locks and session names belong to the server: without it two schemas would fence each other. */
function placeOf(schema: string): readonly string[] {
  return schema === defaultSchema ? [] : [schema];
}

function keyOf(...parts: readonly string[]): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(['tidegate', ...parts]))
    .digest();
  return digest.readBigInt64BE(0).toString();
}
