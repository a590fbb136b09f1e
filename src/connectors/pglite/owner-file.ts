// Which process has an embedded database open: PGlite admits a second one, and two destroy the data.

import { drawNonce, numbersIn } from '../../durable-directory/fence.js';
import { TidegateError } from '../../errors.js';
import { errnoOf, readSmallFile, type FileSystem } from '../../runtime/file-system.js';
import {
  mkdirIfMissing,
  parseJsonObject,
  unlessMissing,
  writeNewFile,
} from '../../runtime/small-files.js';
import { parseProcessIdentity, type Processes } from '../../runtime/process-identity.js';
import type { Random } from '../../runtime/random.js';

export interface OwnerFilePorts {
  readonly fileSystem: FileSystem;
  readonly processes: Processes;
  readonly random: Random;
}

const ownerFile = 'owner.json';
const maxOwnerBytes = 65_536;
/** Attempts against processes that claim at the same moment; each lost attempt is another's success. */
const maxTries = 100;

/**
 * Claims `directory` for this process. The claims are directories beside it, numbered: each is made
 * with its content in one rename that fails when the number is taken, so that of two processes that
 * find the last owner dead one becomes the next. They are never removed while the process lives.
 *
 * @throws TidegateError `TIDEGATE_POSTGRES_OWNED` unless the last owner is known to be gone.
 */
export async function claimDirectory(
  { fileSystem, processes, random }: OwnerFilePorts,
  directory: string,
): Promise<void> {
  const claims = `${directory}.owners`;
  await mkdirIfMissing(fileSystem, claims);
  const staging = `${claims}/claim-${drawNonce(random)}`;
  await fileSystem.makeDirectory(staging);
  try {
    const self = Buffer.from(JSON.stringify(processes.self()));
    await writeNewFile(fileSystem, `${staging}/${ownerFile}`, self, { sync: false });
    for (let attempt = 0; attempt < maxTries; attempt += 1) {
      const numbers = await claimNumbers(fileSystem, claims);
      const newest = numbers.at(-1) ?? 0;
      if (newest > 0) await requireGone(fileSystem, processes, `${claims}/${newest}`, directory);
      if (await isRenamed(fileSystem, staging, `${claims}/${newest + 1}`)) {
        for (const older of numbers) await removeClaim(fileSystem, `${claims}/${older}`);
        return;
      }
    }
  } catch (error) {
    await removeClaim(fileSystem, staging);
    throw error;
  }
  throw new TidegateError(
    'TIDEGATE_POSTGRES_OWNED',
    `${directory}: ${maxTries} times another process claimed it first`,
  );
}

/** Releases the directory for the next process. */
export async function releaseDirectory(
  { fileSystem }: OwnerFilePorts,
  directory: string,
): Promise<void> {
  const claims = `${directory}.owners`;
  // The directory itself stays: its number must not be used again by a process that has just read it.
  for (const number of await claimNumbers(fileSystem, claims)) {
    await unlessMissing(fileSystem.removeFile(`${claims}/${number}/${ownerFile}`));
  }
}

async function requireGone(
  fileSystem: FileSystem,
  processes: Processes,
  claim: string,
  directory: string,
): Promise<void> {
  const bytes = await unlessMissing(
    readSmallFile(fileSystem, `${claim}/${ownerFile}`, maxOwnerBytes),
  );
  // Without its file the claim was released.
  if (bytes === undefined) return;
  const identity = parseProcessIdentity(parseJsonObject(bytes));
  const liveness = identity === undefined ? 'unknown' : processes.livenessOf(identity);
  if (liveness === 'gone') return;
  const who =
    identity === undefined ? 'another process' : `process ${identity.pid} on ${identity.host}`;
  throw new TidegateError(
    'TIDEGATE_POSTGRES_OWNED',
    liveness === 'running'
      ? `${directory} is open in ${who}: end it first`
      : `${directory} was opened by ${who}, which cannot be seen from this machine or container: when you are ` +
          `sure that it has ended, delete ${claim}/${ownerFile}`,
  );
}

function claimNumbers(fileSystem: FileSystem, claims: string): Promise<readonly number[]> {
  return numbersIn(fileSystem, claims, (name) =>
    /^[1-9]\d{0,14}$/.test(name) ? Number(name) : undefined,
  );
}

async function isRenamed(fileSystem: FileSystem, from: string, to: string): Promise<boolean> {
  try {
    await fileSystem.rename(from, to);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

async function removeClaim(fileSystem: FileSystem, claim: string): Promise<void> {
  await unlessMissing(fileSystem.removeFile(`${claim}/${ownerFile}`));
  await unlessMissing(fileSystem.removeDirectory(claim));
}
