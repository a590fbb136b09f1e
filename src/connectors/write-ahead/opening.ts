// Taking a write-ahead directory: the generation is claimed, older staging directories are renamed away.

import { dirname, join } from 'node:path';
import { TidegateError } from '../../errors.js';
import type { SinkOwner } from '../../contracts/sink.js';
import { errnoOf, readSmallFile, type FileSystem } from '../../runtime/file-system.js';
import { makeIfMissing, namesIn, unlessMissing, writeNewFile } from '../../runtime/small-files.js';
import { generationOfName, readStagedName, type WriteAheadLayout } from './layout.js';

type Identity = Pick<SinkOwner, 'storeId' | 'pipeline' | 'sink'>;

const identityMaxBytes = 65_536;

/** Fences every older generation of this directory. The wrapped sink fences its own. */
export async function takeDirectory(
  fileSystem: FileSystem,
  layout: WriteAheadLayout,
  owner: SinkOwner,
): Promise<void> {
  checkIdentity(await readIdentity(fileSystem, layout), owner);
  for (const path of [layout.directory, layout.owners, layout.staging, layout.committed]) {
    await makeIfMissing(fileSystem, path);
  }
  // Also when they were there: an earlier opening may have ended before it synced them.
  await fileSystem.syncDirectory(dirname(layout.directory));
  await fileSystem.syncDirectory(layout.directory);
  await writeIdentity(fileSystem, layout, owner);
  await requireNewest(fileSystem, layout, owner);
  try {
    await fileSystem.makeDirectory(layout.ownerOf(owner.generation));
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw fenced(owner, owner.generation);
    throw error;
  }
  await fileSystem.syncDirectory(layout.owners);
  // Looked at again: of two owners that came at once the older one must not go on.
  await requireNewest(fileSystem, layout, owner);
  const own = layout.stagingOf(owner.generation);
  await fileSystem.makeDirectory(own);
  for (const name of await namesIn(fileSystem, layout.staging)) {
    const older = generationOfName(name);
    if (older === undefined || older >= owner.generation) continue;
    const inherited = layout.inheritedBy(owner.generation, older);
    await unlessMissing(fileSystem.rename(layout.stagingOf(older), inherited));
  }
  await fileSystem.syncDirectory(own);
  await fileSystem.syncDirectory(layout.staging);
  await collectStaged(fileSystem, own, own);
  await fileSystem.syncDirectory(own);
}

/** Moves what was staged by older generations up into the own directory; drops the rest of them. */
async function collectStaged(fileSystem: FileSystem, own: string, place: string): Promise<void> {
  for (const { name, kind } of await fileSystem.listDirectory(place)) {
    const path = join(place, name);
    if (kind === 'directory') {
      await collectStaged(fileSystem, own, path);
      await fileSystem.removeDirectory(path);
    } else if (place !== own) {
      if (readStagedName(name) === undefined) await fileSystem.removeFile(path);
      else await fileSystem.rename(path, join(own, name));
    }
  }
}

/** @throws TidegateError `TIDEGATE_FENCED` when a newer owner has come. */
export async function requireNewest(
  fileSystem: FileSystem,
  layout: WriteAheadLayout,
  owner: SinkOwner,
): Promise<void> {
  for (const name of await namesIn(fileSystem, layout.owners)) {
    const other = generationOfName(name);
    if (other !== undefined && other > owner.generation) throw fenced(owner, other);
  }
}

export async function readIdentity(
  fileSystem: FileSystem,
  layout: WriteAheadLayout,
): Promise<Identity | undefined> {
  const bytes = await unlessMissing(readSmallFile(fileSystem, layout.identity, identityMaxBytes));
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as Identity;
  } catch (error) {
    throw new TidegateError('TIDEGATE_WRITE_AHEAD_CORRUPT', `${layout.identity} cannot be read`, {
      cause: error,
    });
  }
}

/** @throws TidegateError `TIDEGATE_SINK_STORE` when the directory is another store's or sink's. */
export function checkIdentity(found: Identity | undefined, wanted: Identity): void {
  if (found === undefined) return;
  const { storeId, pipeline, sink } = wanted;
  if (found.storeId === storeId && found.pipeline === pipeline && found.sink === sink) return;
  throw new TidegateError(
    'TIDEGATE_SINK_STORE',
    `the write-ahead directory belongs to sink ${found.sink} of pipeline ${found.pipeline} of store ` +
      `${found.storeId}, and was opened for sink ${sink} of pipeline ${pipeline} of store ${storeId}: ` +
      'use that store, or another directory',
    { details: { sink, remembered: found.storeId } },
  );
}

async function writeIdentity(
  fileSystem: FileSystem,
  layout: WriteAheadLayout,
  { storeId, pipeline, sink, generation }: SinkOwner,
): Promise<void> {
  if ((await readIdentity(fileSystem, layout)) !== undefined) return;
  const temporary = `${layout.identity}.${generation}`;
  await unlessMissing(fileSystem.removeFile(temporary));
  const bytes = Buffer.from(JSON.stringify({ storeId, pipeline, sink }));
  await writeNewFile(fileSystem, temporary, bytes, { sync: true });
  await fileSystem.rename(temporary, layout.identity);
  await fileSystem.syncDirectory(layout.directory);
}

function fenced(owner: SinkOwner, found: number): TidegateError {
  return new TidegateError(
    'TIDEGATE_FENCED',
    `sink ${owner.sink} belongs to generation ${found}, not to ${owner.generation}`,
    { details: { generation: owner.generation, found } },
  );
}
