// Puts tables, sources and operators back to a checkpoint, in that order, before any record is read.

import { definitionProblem } from './definitions.js';
import { assert } from '../assert.js';
import type { Operator } from '../contracts/operator.js';
import type { CheckpointManifest } from '../manifest/types.js';
import type { LoadedCheckpoint } from '../store/checkpoint-store.js';
import { timeoutFor } from './ask.js';
import { restoreSource, type SourceToRestore } from './give-up-input.js';
import { askParticipant } from './pass.js';
import type { RecoveryPass } from './pass.js';

/** Everything that has a position or a state starts from `loaded`, whatever it held before. */
export async function restoreParticipants(
  pass: RecoveryPass,
  loaded: LoadedCheckpoint,
): Promise<void> {
  const { tableStore, tables, sources, operators } = pass.request.participants;
  const { manifest } = loaded;
  const positioned = sourcesToRestore(pass, manifest);
  const all = tables.size + sources.size;
  assert(positioned.length === all, `checkpoint ${loaded.id} has no offsets of some source`);
  if (tableStore !== undefined) {
    const path = manifest.tableStoreCheckpointPath;
    await askParticipant(pass, `restoring the table store to ${path ?? 'nothing'}`, (signal) =>
      tableStore.restore(path, { signal }),
    );
  }
  for (const given of positioned) await restoreSource(pass, manifest, given);
  for (const [name, operator] of operators) await putOperatorBack(pass, loaded, name, operator);
}

/** Tables first: records may look into them. Those that the manifest does not know are left out. */
export function sourcesToRestore(
  { request }: RecoveryPass,
  { tableOffsets, sourceOffsets, sourceWatermarks }: CheckpointManifest,
): readonly SourceToRestore[] {
  const { tables, sources } = request.participants;
  const known: SourceToRestore[] = [];
  for (const [name, source] of tables) {
    const stored = tableOffsets.get(name);
    if (stored !== undefined) known.push({ kind: 'table', name, source, stored });
  }
  for (const [name, source] of sources) {
    const stored = sourceOffsets.get(name);
    const watermark = sourceWatermarks.get(name);
    if (stored !== undefined) known.push({ kind: 'source', name, source, stored, watermark });
  }
  return known;
}

/** An operator without state there starts empty, never with what a failed attempt left behind. */
async function putOperatorBack(
  pass: RecoveryPass,
  loaded: LoadedCheckpoint,
  name: string,
  operator: Operator,
): Promise<void> {
  const entry = loaded.manifest.operatorStates.get(name);
  const isEmpty = entry === undefined || (!entry.external && entry.stateB64 === undefined);
  // Under strict that was refused before anything was done.
  if (isEmpty || definitionProblem(loaded.manifest, name, operator) !== undefined) {
    await askParticipant(pass, `resetting operator ${name}`, () => operator.reset());
    return;
  }
  const saved = loaded.manifest.tidegate?.operatorDefinitions?.get(name);
  const timeoutMs = timeoutFor(pass.budget.callTimeoutMs, entry.externalLength);
  await askParticipant(
    pass,
    `restoring operator ${name}`,
    (signal) => {
      // Read anew at each try: a stream can be read once.
      const state = pass.store.readOperatorState(loaded, name);
      assert(state !== undefined, `checkpoint ${loaded.id} lost the state of operator ${name}`);
      return operator.restore(state, { signal, saved });
    },
    timeoutMs,
  );
}
