// Why a store cannot be owned, checked before anything is made: a start and a plan ask the same.

import { TidegateError } from '../../errors.js';
import { highestGeneration } from '../../ids.js';
import { seeGenerations } from './generations.js';
import { checkPipeline, readIdentity } from './identity.js';
import { refuseOtherLayouts } from './other-layouts.js';
import type { StorePorts } from './ports.js';
import { identityInManifests } from './recorded-identity.js';

/**
 * A live owner is not looked for.
 *
 * @throws TidegateError for another layout, another pipeline's store, an identity that cannot be read,
 *   and for ids that leave no generation to go on with.
 */
export async function checkOwnable(ports: StorePorts, pipeline: string): Promise<void> {
  await refuseOtherLayouts(ports);
  const identity = (await readIdentity(ports)) ?? (await identityInManifests(ports));
  checkPipeline(ports, identity, pipeline);
  const { highest } = await seeGenerations(ports);
  if (highest < highestGeneration) return;
  throw new TidegateError(
    'TIDEGATE_GENERATIONS_EXHAUSTED',
    `generation ${highest + 1} is above ${highestGeneration}: the ids in ` +
      `${ports.layout.directory} reach up to the last one`,
  );
}
