// What sinks that stage in a directory of their own share when they are opened: the fence is durable-directory/fence.ts.

import type { SinkOwner } from '../../contracts/sink.js';
import { gather, syncDirectories } from '../../durable-directory/fence.js';
import { TidegateError } from '../../errors.js';
import type { Logger } from '../../runtime/logger.js';
import type { Random } from '../../runtime/random.js';
import { syncAncestors } from '../../runtime/small-files.js';
import { newestCommitted, type MarkerPorts } from './marker-files.js';
import {
  checkIdentity,
  createIdentity,
  readIdentity,
  type IdentityPorts,
} from './sink-identity.js';

/** What such a sink stands on: everything that can fail or differ, passed in. */
export interface StagingPorts<
  Layout extends MarkerPorts['layout'] & IdentityPorts['layout'],
> extends MarkerPorts {
  readonly layout: Layout;
  readonly random: Random;
  readonly logger: Logger;
}

type AnyPorts = StagingPorts<MarkerPorts['layout'] & IdentityPorts['layout']>;

/**
 * Under the fence, where no older generation can change anything: looks again at whose directory it
 * is, brings the prepared epochs together, and makes durable what can be seen.
 *
 * @param settled.visible Directories that anything is answered from, the staging directory first.
 * @returns Whether this is the directory's first owner: `createFirstIdentity` ends its opening.
 */
export async function settleUnderFence(
  ports: AnyPorts,
  owner: SinkOwner,
  {
    isKept,
    visible,
  }: {
    readonly isKept: (name: string) => boolean;
    readonly visible: readonly [staging: string, ...others: string[]];
  },
): Promise<boolean> {
  // Read again: another store may have been the first in the meantime.
  const identity = await readIdentity(ports);
  checkIdentity(ports, identity, owner);
  await gather(ports.fileSystem, visible[0], isKept);
  // What is answered from now on, and the renames out of the older directories, before those go.
  await syncDirectories(ports.fileSystem, visible);
  return identity === undefined;
}

export async function createFirstIdentity(
  ports: AnyPorts,
  staging: string,
  owner: SinkOwner,
): Promise<void> {
  if ((await newestCommitted(ports)) !== undefined) {
    throw new TidegateError(
      'TIDEGATE_FILES_CORRUPT',
      `${ports.layout.directory} holds committed output but ${ports.layout.identity} is missing`,
    );
  }
  await syncAncestors(ports.fileSystem, ports.layout.directory);
  await createIdentity(ports, staging, owner);
}

/**
 * @param newer The generation that has taken over, when it is known.
 * @param cause What was thrown because of it.
 */
export function fenced(
  { layout }: { readonly layout: Pick<IdentityPorts['layout'], 'directory'> },
  generation: number,
  { newer, cause }: { readonly newer?: number | undefined; readonly cause?: unknown } = {},
): TidegateError {
  const what = `generation ${generation} of the sink in ${layout.directory}`;
  const by = newer === undefined ? 'a newer one' : `generation ${newer}`;
  return new TidegateError(
    'TIDEGATE_FENCED',
    newer === generation
      ? `${what} was opened before: by another sink in this directory, by the owner of a copy of ` +
          'the store, or by a call whose answer was lost'
      : `${what} was overtaken by ${by}`,
    { ...(cause === undefined ? {} : { cause }), details: { generation } },
  );
}
