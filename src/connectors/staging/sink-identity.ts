// Whose directory this is: written by the first owner, compared by all later ones.

import type { SinkOwner } from '../../contracts/sink.js';
import { publishFile, syncParent } from '../../durable-directory/fence.js';
import { TidegateError } from '../../errors.js';
import { readSmallFile, type FileSystem } from '../../runtime/file-system.js';
import { parseJsonObject, unlessMissing } from '../../runtime/small-files.js';

export type SinkIdentity = Omit<SinkOwner, 'generation'>;

export interface IdentityPorts {
  readonly fileSystem: FileSystem;
  readonly layout: { readonly directory: string; readonly identity: string };
}

const formatVersion = 1;
const maxIdentityBytes = 65_536;

/** Undefined in a directory that no sink has owned yet. */
export async function readIdentity(ports: IdentityPorts): Promise<SinkIdentity | undefined> {
  const path = ports.layout.identity;
  const read = readSmallFile(ports.fileSystem, path, maxIdentityBytes);
  // One look: between two of them another owner may have made the file.
  const found = await unlessMissing(read.then((bytes) => ({ bytes })));
  if (found === undefined) return undefined;
  const identity = found.bytes === undefined ? undefined : parseIdentity(found.bytes);
  if (identity === undefined) throw corruptIdentity(path);
  return identity;
}

/**
 * @throws TidegateError `TIDEGATE_SINK_STORE` for output of another store, and
 * `TIDEGATE_SINK_DIRECTORY` for that of another pipeline or sink, naming both sides.
 */
export function checkIdentity(
  ports: { readonly layout: Pick<IdentityPorts['layout'], 'directory'> },
  stored: SinkIdentity | undefined,
  asked: SinkIdentity,
): void {
  if (stored === undefined) return;
  const { directory } = ports.layout;
  if (stored.pipeline !== asked.pipeline || stored.sink !== asked.sink) {
    throw new TidegateError(
      'TIDEGATE_SINK_DIRECTORY',
      `${directory} belongs to sink ${quoted(stored.sink)} of pipeline ${quoted(stored.pipeline)}, ` +
        `not to sink ${quoted(asked.sink)} of pipeline ${quoted(asked.pipeline)}`,
      { details: { directory } },
    );
  }
  if (stored.storeId === asked.storeId) return;
  throw new TidegateError(
    'TIDEGATE_SINK_STORE',
    `${directory} holds output of pipeline ${quoted(stored.pipeline)} from store ` +
      `${stored.storeId}, and store ${asked.storeId} asks for it`,
    { details: { directory, remembered: stored.storeId, asked: asked.storeId } },
  );
}

/** Visible whole or not at all, and only from the staging directory of an owner. */
export async function createIdentity(
  { fileSystem, layout }: IdentityPorts,
  staging: string,
  { storeId, pipeline, sink }: SinkIdentity,
): Promise<void> {
  const bytes = Buffer.from(JSON.stringify({ formatVersion, storeId, pipeline, sink }));
  await publishFile(fileSystem, staging, layout.identity, bytes);
  await syncParent(fileSystem, layout.identity);
}

function parseIdentity(bytes: Uint8Array): SinkIdentity | undefined {
  const { storeId, pipeline, sink } = parseJsonObject(bytes) ?? {};
  if (typeof storeId !== 'string' || storeId === '') return undefined;
  if (typeof pipeline !== 'string' || typeof sink !== 'string') return undefined;
  return { storeId: storeId as SinkIdentity['storeId'], pipeline, sink };
}

function corruptIdentity(path: string): TidegateError {
  return new TidegateError('TIDEGATE_FILES_CORRUPT', `${path} is not the identity of a sink`);
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
