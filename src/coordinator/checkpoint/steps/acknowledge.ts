// After step 7: sources may forget their input, and old checkpoints are pruned.

import { toOffsets } from '../../../contracts/source-position.js';
import type { ConnectorCheckpoint } from '../../../manifest/types.js';
import type { PersistedManifest } from '../../../store/persisted-manifest.js';
import type { StepContext } from '../../context.js';
import { reportParticipantError } from '../../events.js';
import type { Generation } from '../../lifecycle/generation.js';
import type { PersistedInput } from '../attempt.js';

export function acknowledgeCheckpoint(
  { attempt, persisted }: PersistedInput,
  signal: AbortSignal,
): Promise<void> {
  return acknowledgeAndPrune(attempt.context, attempt.generation, persisted, signal);
}

/** Never fails: a checkpoint that is complete stays so when a source cannot be acknowledged. */
export async function acknowledgeAndPrune(
  context: StepContext,
  generation: Generation,
  persisted: PersistedManifest,
  signal: AbortSignal,
): Promise<void> {
  const { manifest } = persisted;
  const acknowledging = [...manifest.sourceOffsets].map(([source, position]) =>
    acknowledgeOne(context, source, position, signal),
  );
  await Promise.all(acknowledging);
  if (signal.aborted) return;
  try {
    const { retainedCheckpoints } = context.options;
    await generation.store.prune({ retainedCheckpoints, signal });
  } catch (error) {
    reportParticipantError(context, 'old checkpoints could not be pruned', error);
  }
}

async function acknowledgeOne(
  context: StepContext,
  name: string,
  position: ConnectorCheckpoint,
  signal: AbortSignal,
): Promise<void> {
  const source = context.participants.sources.get(name);
  if (source?.acknowledge === undefined) return;
  const offsets = toOffsets(position.offsets);
  try {
    await source.acknowledge(offsets, { signal });
  } catch (error) {
    reportParticipantError(context, `source ${name} could not be acknowledged`, error);
  }
}
