// Taking a generation of a store and fencing the older ones. The argument is in durable-directory/fence.ts.

import { join } from 'node:path';
import {
  claimEntry,
  drawNonce,
  isCurrent,
  moveAway,
  orFenced,
} from '../../durable-directory/fence.js';
import { TidegateError, toError } from '../../errors.js';
import {
  generation,
  generationOfCheckpointId,
  highestGeneration,
  type Generation,
} from '../../ids.js';
import {
  generationOfName,
  idOfCheckpointName,
  idOfQuarantinedName,
  ownerFile,
  retiredOfName,
  stagingName,
} from '../layout.js';
import { fenced } from '../store-error.js';
import type { StorePorts } from './ports.js';
import { unlessMissing, writeNewFile } from '../../runtime/small-files.js';

/** What a listing says about the owners of a store. */
export interface SeenGenerations {
  /** No generation above this one was ever used; 0 in a new store. */
  readonly highest: number;
  /** Numbers of the generations that are not retired, ascending. */
  readonly current: readonly number[];
}

/** A generation that this process has won, and the only place where it may write. */
export interface Claim {
  readonly generation: Generation;
  readonly staging: string;
}

/** Lists the generations, and the ids of all checkpoints, whose generations count as used. */
export async function seeGenerations({ fileSystem, layout }: StorePorts): Promise<SeenGenerations> {
  const owners = (await unlessMissing(fileSystem.listDirectory(layout.ownFolder))) ?? [];
  const checkpoints = (await unlessMissing(fileSystem.listDirectory(layout.directory))) ?? [];
  const current = owners
    .map(({ name }) => generationOfName(name))
    .filter((number) => number !== undefined)
    .sort((left, right) => left - right);
  // A power loss may lose the directory of a generation and keep the older one renamed away by it.
  const retirers = owners.map(({ name }) => retiredOfName(name)?.by ?? 0);
  // The ids of a foreign store, and of one whose own folder was lost, must not be used again.
  const used = checkpoints.map(({ name }) => {
    const id = idOfCheckpointName(name) ?? idOfQuarantinedName(name);
    return id === undefined ? 0 : generationOfCheckpointId(id);
  });
  const highest = [...current, ...retirers, ...used].reduce((a, b) => Math.max(a, b), 0);
  return { highest, current };
}

/**
 * Claims one generation and renames all older ones away.
 *
 * @param onClaim Called as soon as the number is claimed, also when a later step fails.
 * @returns Undefined when another process has claimed this number first.
 * @throws TidegateError `TIDEGATE_FENCED` when a higher generation exists.
 */
export async function claimGeneration(
  ports: StorePorts,
  number: number,
  onClaim: (claimed: Generation) => void = () => undefined,
): Promise<Claim | undefined> {
  const { fileSystem, layout, random, processes, heartbeatMs } = ports;
  if (number > highestGeneration) {
    throw new TidegateError(
      'TIDEGATE_GENERATIONS_EXHAUSTED',
      `generation ${number} is above ${highestGeneration}`,
    );
  }
  if (!(await claimEntry(fileSystem, layout.generation(number)))) return undefined;
  onClaim(generation(number));
  const staging = join(layout.generation(number), stagingName(drawNonce(random)));
  const overtaken = (cause: unknown) => fenced(number, undefined, cause);
  try {
    await orFenced(fileSystem.makeDirectory(staging), overtaken);
    const path = join(staging, ownerFile);
    // Never synced: after a power loss there is no owner, and a file without content says so.
    const owner = Buffer.from(JSON.stringify({ ...processes.self(), heartbeatMs }));
    const writing = writeNewFile(fileSystem, path, owner, { sync: false });
    await orFenced(writing, overtaken);
    await retireOlder(ports, number);
    return { generation: generation(number), staging };
  } catch (error) {
    await releaseOwnership(ports, staging);
    throw error;
  }
}

/** Whether a newer owner has renamed this claim away. */
export async function isOvertaken({ fileSystem }: StorePorts, staging: string): Promise<boolean> {
  try {
    return !(await isCurrent(fileSystem, staging));
  } catch {
    return false;
  }
}

/** Removes the owner file of a claim, so that the next `open` does not wait for this owner. */
export async function releaseOwnership(
  { fileSystem, logger }: StorePorts,
  staging: string,
): Promise<void> {
  try {
    await unlessMissing(fileSystem.removeFile(join(staging, ownerFile)));
  } catch (error) {
    logger.warn({ path: staging, err: toError(error) }, 'could not remove the owner file');
  }
}

/** Renames every older generation away; from then on their owners can change nothing. */
async function retireOlder(ports: StorePorts, number: number): Promise<void> {
  const { fileSystem, layout } = ports;
  const { highest, current } = await seeGenerations(ports);
  if (highest > number) throw fenced(number, highest);
  for (const older of current.filter((candidate) => candidate < number)) {
    const away = layout.retired(older, number);
    await moveAway(fileSystem, layout.generation(older), away);
  }
}
