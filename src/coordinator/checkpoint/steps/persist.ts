// Step 5: the manifest becomes durable; from here on the checkpoint is in doubt until all have committed.

import { assert } from '../../../assert.js';
import { persist, type PersistedManifest } from '../../../store/persisted-manifest.js';
import type { StepInput } from '../attempt.js';
import { checkStateAliasing } from './state-aliasing.js';
import type { PersistInput } from '../machine-context.js';
import { draftManifest } from '../manifest.js';

export async function persistManifest(
  { attempt, ...input }: StepInput & PersistInput,
  signal: AbortSignal,
): Promise<PersistedManifest> {
  const { context, generation, barrier } = attempt;
  assert(
    generation.inDoubt === undefined,
    `checkpoint ${barrier.checkpointId} would be a second one in doubt beside ${generation.inDoubt}`,
  );
  const manifest = draftManifest(attempt, input);
  // Before the save: whatever becomes of it, nothing else may be persisted until it is settled.
  generation.inDoubt = barrier.checkpointId;
  generation.unrecorded = undefined;
  const persisted = await persist(generation.store, manifest, { signal });
  if (context.options.checkStateAliasing) await checkStateAliasing(input.cut, input.states, signal);
  attempt.cut.releaseSnapshots();
  return persisted;
}
