// The store that `--store` names: a directory, or an address of object storage or PostgreSQL.

import { resolve } from 'node:path';
import { PostgresCheckpointStore } from '../connectors/postgres/index.js';
import { s3Storage } from '../connectors/s3/index.js';
import { errnoOf } from '../runtime/file-system.js';
import { realPathOf } from '../runtime/user-paths.js';
import type { CheckpointStore } from '../store/checkpoint-store.js';
import { FileSystemCheckpointStore } from '../store/filesystem/file-system-store.js';
import { ObjectCheckpointStore } from '../store/object/object-store.js';
import { CommandError, UsageError } from './problems.js';

/** Whether it is an address of a service; anything else is a directory. */
export function isAddress(place: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(place);
}

/** As it may be shown: of an address host and path, or the scheme alone where a password may be anywhere. */
export function shownPlace(place: string): string {
  if (!isAddress(place)) return place;
  const [, scheme = '', host, path = ''] =
    /^([a-z][a-z0-9+.-]*:\/\/)(?:[^/?#@]*@)?([^/?#@]*)(\/[^?#@]*)?(?:[?#][^@]*)?$/i.exec(place) ??
    [];
  if (host !== undefined && URL.canParse(place)) return `${scheme}${host}${path}`;
  return `${place.slice(0, place.indexOf('://'))}://…`;
}

/** @throws CommandError when there is no such directory, or a package is missing. */
export async function storeAt(place: string): Promise<CheckpointStore> {
  if (!isAddress(place)) return directoryAt(place);
  if (/^postgres(ql)?:\/\//i.test(place)) return postgresAt(place);
  const [, bucket, prefix = ''] = /^s3:\/\/([^/?#@:]+)(?:\/(.*))?$/i.exec(place) ?? [];
  if (bucket !== undefined) return s3At(bucket, prefix);
  throw new UsageError(
    '--store takes a directory, s3://bucket/prefix, or postgres://host/database?schema=…&name=…',
  );
}

/** The store at a directory that is there, also through a link. */
async function directoryAt(directory: string): Promise<CheckpointStore> {
  try {
    // The store itself follows no links, so that nothing in it leads outside.
    return new FileSystemCheckpointStore(await realPathOf(directory));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new CommandError(
      `there is no directory ${resolve(directory)}`,
      'Name the directory that holds the checkpoints with --store DIR.',
      error,
    );
  }
}

/** Region, credentials and endpoint as AWS's own tools find them: environment, profile, instance role. */
async function s3At(bucket: string, prefix: string): Promise<CheckpointStore> {
  const sdk = await import('@aws-sdk/client-s3').catch((error: unknown) => {
    throw new CommandError(
      's3:// needs the package @aws-sdk/client-s3, which is not installed',
      'Install it beside tidegate: npm install @aws-sdk/client-s3',
      error,
    );
  });
  const { AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 } = process.env;
  const forcePathStyle = (AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL) !== undefined;
  const storage = s3Storage({ client: new sdk.S3({ forcePathStyle }), bucket, prefix });
  return new ObjectCheckpointStore({ storage, timeouts: { requestMs: 10_000, retryMs: 15_000 } });
}

/** `schema` and `name` are those of the store; the rest is what libpq's addresses have, and `PG…` variables. */
async function postgresAt(place: string): Promise<CheckpointStore> {
  const { default: pg } = await import('pg').catch((error: unknown) => {
    throw new CommandError(
      'postgres:// needs the package pg, which is not installed',
      'Install it beside tidegate: npm install pg',
      error,
    );
  });
  let address: URL;
  try {
    address = new URL(place);
  } catch {
    throw new UsageError(
      'the address of --store is no postgres://user:password@host:port/database',
    );
  }
  const { searchParams } = address;
  const given = ['schema', 'name'].flatMap((option) => {
    const value = searchParams.get(option);
    searchParams.delete(option);
    return value === null ? [] : [[option, value] as const];
  });
  // The command ends as soon as nothing is asked.
  const pool = new pg.Pool({ connectionString: address.href, max: 4, allowExitOnIdle: true });
  const timeouts = { requestMs: 10_000, retryMs: 15_000 };
  return new PostgresCheckpointStore({ pool, ...Object.fromEntries(given), timeouts });
}
