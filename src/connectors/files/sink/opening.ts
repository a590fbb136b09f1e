// Opening a file sink to own it: claim, fence, make durable what can be seen, roll forward, clean.

import { join } from 'node:path';
import type { SinkOwner } from '../../../contracts/sink.js';
import {
  claimEntry,
  drawNonce,
  moveAway,
  numbersIn,
  orFenced,
  removeEntry,
} from '../../../durable-directory/fence.js';
import { toError } from '../../../errors.js';
import { makeDirectories } from '../../../runtime/small-files.js';
import { isCommitted } from '../../staging/marker-files.js';
import { createFirstIdentity, fenced, settleUnderFence } from '../../staging/opening.js';
import { checkIdentity, readIdentity } from '../../staging/sink-identity.js';
import {
  generationOfName,
  idOfPartName,
  idOfPreparedName,
  inheritedName,
  stagingName,
  type FileSinkPorts,
} from './layout.js';
import { wholePrepared } from './prepared.js';
import { publishParts } from './publishing.js';

/**
 * Takes the sink for one generation and gives its staging directory. When it returns, no call of an
 * older generation can take effect, everything that can be seen is durable, and the output
 * of every committed checkpoint is published.
 */
export async function takeSink(ports: FileSinkPorts, owner: SinkOwner): Promise<string> {
  checkIdentity(ports, await readIdentity(ports), owner);
  const { directory, ownFolder, committed } = ports.layout;
  await makeDirectories(ports.fileSystem, directory, [ownFolder, committed], 'shared');
  const staging = await claim(ports, owner.generation);
  await fenceOlder(ports, owner.generation, staging);
  const isKept = (name: string) => (idOfPreparedName(name) ?? idOfPartName(name)) !== undefined;
  const isFirst = await settleUnderFence(ports, owner, {
    isKept,
    visible: [staging, committed, ownFolder, directory],
  });
  await rollForward(ports, staging);
  await clean(ports, staging);
  if (isFirst) await createFirstIdentity(ports, staging, owner);
  return staging;
}

/** Numbers of the generations that have a directory, ascending. */
function seeGenerations({ fileSystem, layout }: FileSinkPorts): Promise<readonly number[]> {
  return numbersIn(fileSystem, layout.ownFolder, generationOfName);
}

async function claim(ports: FileSinkPorts, generation: number): Promise<string> {
  const { fileSystem, layout, random } = ports;
  const highest = (await seeGenerations(ports)).at(-1) ?? 0;
  if (highest >= generation) throw fenced(ports, generation, { newer: highest });
  const isFirst = await claimEntry(fileSystem, layout.generation(generation));
  if (!isFirst) throw fenced(ports, generation, { newer: generation });
  const staging = join(layout.generation(generation), stagingName(drawNonce(random)));
  await orFenced(fileSystem.makeDirectory(staging), (cause) =>
    fenced(ports, generation, { cause }),
  );
  return staging;
}

/** Moves every older generation into the staging directory of this one. */
async function fenceOlder(
  ports: FileSinkPorts,
  generation: number,
  staging: string,
): Promise<void> {
  const { fileSystem, layout } = ports;
  // Before anything is moved in: a power loss that kept the move and lost the directory it went to
  // would take all prepared output with it.
  const syncing = fileSystem.syncDirectory(layout.generation(generation));
  await orFenced(syncing, (cause) => fenced(ports, generation, { cause }));
  await fileSystem.syncDirectory(layout.ownFolder);
  for (;;) {
    const seen = await seeGenerations(ports);
    const highest = seen.at(-1);
    if (highest !== generation) throw fenced(ports, generation, { newer: highest });
    if (seen.length === 1) return;
    for (const older of seen.slice(0, -1)) {
      // Missing: an owner between that one and us has moved it, and is moved next.
      const away = join(staging, inheritedName(older));
      await moveAway(fileSystem, layout.generation(older), away);
    }
  }
}

/** Publishes what an older owner had committed and not yet published. */
async function rollForward(ports: FileSinkPorts, staging: string): Promise<void> {
  const committed: number[] = [];
  for (const { name } of await ports.fileSystem.listDirectory(staging)) {
    const id = idOfPartName(name);
    if (id !== undefined && (await isCommitted(ports, id))) committed.push(id);
  }
  if (committed.length === 0) return;
  await publishParts(ports, staging, { ids: new Set(committed), verified: false });
}

/** Removes what no owner can commit. What cannot be removed is left: it never prevents an opening. */
async function clean(ports: FileSinkPorts, staging: string): Promise<void> {
  const { fileSystem, logger } = ports;
  const prepared = new Set((await wholePrepared(ports, staging)).map(({ id }) => id));
  for (const { name, kind } of await fileSystem.listDirectory(staging)) {
    const path = join(staging, name);
    const id = idOfPartName(name) ?? idOfPreparedName(name);
    if (id !== undefined && prepared.has(id)) continue;
    try {
      await removeEntry(fileSystem, path, kind);
    } catch (error) {
      logger.warn({ path, err: toError(error) }, 'could not clean up after an older generation');
    }
  }
}
