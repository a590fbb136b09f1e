// Step 5: the manifest becomes durable; from here on the checkpoint is in doubt until all have committed.

import { assert } from '../../../assert.js';
import { TidegateError } from '../../../errors.js';
import { persist, type PersistedManifest } from '../../../store/persisted-manifest.js';
import { draftManifest, type ManifestInput } from '../manifest.js';
import type { Cut } from '../pending-cut.js';
import { fingerprintOf, type EncodedStates } from './snapshot.js';

export async function persistManifest(
  input: ManifestInput,
  signal: AbortSignal,
): Promise<PersistedManifest> {
  const { attempt, cut, states } = input;
  const { context, generation, barrier } = attempt;
  assert(
    generation.inDoubt === undefined,
    `checkpoint ${barrier.checkpointId} would be a second one in doubt beside ${generation.inDoubt}`,
  );
  const manifest = draftManifest(input);
  // Before the save: whatever becomes of it, nothing else may be persisted until it is settled.
  generation.inDoubt = barrier.checkpointId;
  generation.unrecorded = undefined;
  const persisted = await persist(generation.store, manifest, { signal });
  if (context.options.checkStateAliasing) await checkStateAliasing(cut, states, signal);
  attempt.cut.releaseSnapshots();
  return persisted;
}

/**
 * For development: whether later records show in a snapshot that should have been frozen. Looks again after the records of the next epoch had their chance: at the buffer that was encoded,
 * and at what the snapshot encodes to now. States that were streamed are not compared.
 *
 * @throws TidegateError `TIDEGATE_STATE_ALIASED`, naming the operator.
 */
async function checkStateAliasing(
  cut: Cut,
  states: EncodedStates,
  signal: AbortSignal,
): Promise<void> {
  for (const [operator, snapshot] of cut.snapshots) {
    const fingerprint = states.fingerprints.get(operator);
    if (fingerprint === undefined) continue;
    const { bytes, sha256 } = fingerprint;
    if (fingerprintOf(bytes).sha256 !== sha256) refuse(operator, 'the encoded bytes');
    const again = await snapshot.encode({ signal });
    if (!(again instanceof Uint8Array)) continue;
    if (fingerprintOf(again).sha256 !== sha256) refuse(operator, 'what it encodes to');
  }
}

function refuse(operator: string, what: string): never {
  throw new TidegateError(
    'TIDEGATE_STATE_ALIASED',
    `operator ${operator}: ${what} changed after the capture, so later records show in its state`,
    { details: { operator } },
  );
}
