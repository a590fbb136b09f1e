// Step 5: the manifest becomes durable; from here on the checkpoint is in doubt until all have committed.

import { assert } from '../../assert.js';
import { persist, type PersistedManifest } from '../../store/persisted-manifest.js';
import type { Attempt } from '../attempt.js';
import type { Cut } from '../cut-gate.js';
import { checkStateAliasing } from '../state-aliasing.js';
import { draftManifest } from '../manifest-draft.js';
import type { StepContext } from '../step-context.js';
import type { PreparedSinks } from './pre-commit.js';
import type { StoredStates } from './sidecar.js';
import type { EncodedStates } from './snapshot.js';

export interface PersistInput {
  readonly cut: Cut;
  readonly states: EncodedStates;
  readonly prepared: PreparedSinks;
  readonly stored: StoredStates;
}

export async function persistManifest(
  context: StepContext,
  attempt: Attempt,
  input: PersistInput,
  signal: AbortSignal,
): Promise<PersistedManifest> {
  const { run, barrier } = attempt;
  assert(
    run.inDoubt === undefined,
    `checkpoint ${barrier.checkpointId} would be a second one in doubt beside ${run.inDoubt}`,
  );
  const manifest = draftManifest(context, attempt, input);
  // Before the save: whatever becomes of it, nothing else may be persisted until it is settled.
  run.inDoubt = barrier.checkpointId;
  const persisted = await persist(run.store, manifest, { signal });
  if (context.options.checkStateAliasing) await checkStateAliasing(input.cut, input.states, signal);
  attempt.gate.releaseSnapshots();
  return persisted;
}
