// Puts tables, sources and operators back to a checkpoint, in that order, before any record is read.

import { assert } from '../assert.js';
import type { Operator } from '../contracts/operator.js';
import type { Offsets, Source } from '../contracts/source.js';
import type { ConnectorCheckpoint } from '../manifest/types.js';
import type { LoadedCheckpoint } from '../store/checkpoint-store.js';
import { timeoutFor } from './ask.js';
import { definitionProblem } from './definitions.js';
import { askParticipant } from './participant-call.js';
import type { Round } from './round.js';

/** Everything that has a position or a state starts from `loaded`, whatever it held before. */
export async function putBack(round: Round, loaded: LoadedCheckpoint): Promise<void> {
  const { tableStore, tables, sources, operators } = round.request.participants;
  const { manifest } = loaded;
  if (tableStore !== undefined) {
    const path = manifest.tableStoreCheckpointPath;
    await askParticipant(round, `restoring the table store to ${path ?? 'nothing'}`, (signal) =>
      tableStore.restore(path, { signal }),
    );
  }
  await putSourcesBack(round, 'table', tables, manifest.tableOffsets);
  const { sourceOffsets, sourceWatermarks } = manifest;
  await putSourcesBack(round, 'source', sources, sourceOffsets, sourceWatermarks);
  for (const [name, operator] of operators) await putOperatorBack(round, loaded, name, operator);
}

async function putSourcesBack(
  round: Round,
  kind: 'source' | 'table',
  sources: ReadonlyMap<string, Source>,
  stored: ReadonlyMap<string, ConnectorCheckpoint>,
  watermarks: ReadonlyMap<string, bigint> = new Map(),
): Promise<void> {
  for (const [name, source] of sources) {
    const position = stored.get(name);
    assert(position !== undefined, `${kind} ${name} has no offsets in the resumed checkpoint`);
    const offsets = offsetsOf(position);
    const watermark = watermarks.get(name);
    await askParticipant(round, `restoring ${kind} ${name}`, (signal) =>
      source.restore(offsets, { signal, watermark }),
    );
  }
}

/** Without a prototype, so that any name is safe in it. */
function offsetsOf({ offsets }: ConnectorCheckpoint): Offsets {
  return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(offsets));
}

/** An operator without state there starts empty, never with what a failed attempt left behind. */
async function putOperatorBack(
  round: Round,
  loaded: LoadedCheckpoint,
  name: string,
  operator: Operator,
): Promise<void> {
  const entry = loaded.manifest.operatorStates.get(name);
  const isEmpty = entry === undefined || (!entry.external && entry.stateB64 === undefined);
  // Under strict that was refused before anything was done.
  if (isEmpty || definitionProblem(loaded.manifest, name, operator) !== undefined) {
    await askParticipant(round, `resetting operator ${name}`, () => operator.reset());
    return;
  }
  const saved = loaded.manifest.tidegate?.operatorDefinitions?.get(name);
  const timeoutMs = timeoutFor(round.patience.callTimeoutMs, entry.externalLength);
  await askParticipant(
    round,
    `restoring operator ${name}`,
    (signal) => {
      // Read anew at each try: a stream can be read once.
      const state = round.store.readOperatorState(loaded, name);
      assert(state !== undefined, `checkpoint ${loaded.id} lost the state of operator ${name}`);
      return operator.restore(state, { signal, saved });
    },
    timeoutMs,
  );
}
