// A new checkpoint with the content of a stored one: for a restore, and for sources that were added.

import { ownFields } from '../manifest/create.js';
import { assert } from '../assert.js';
import type { CheckpointId } from '../ids.js';
import { externalOperatorState } from '../manifest/operator-state.js';
import { markersToHandOn } from '../manifest/sinks.js';
import type {
  CheckpointManifest,
  ConnectorCheckpoint,
  LostInput,
  SinkCommitStatus,
  TidegateFields,
} from '../manifest/types.js';
import type { LoadedCheckpoint, OwnedStore } from '../store/checkpoint-store.js';
import { inlineStateDigest } from '../store/state-checks.js';
import type { PersistedManifest } from '../store/persisted-manifest.js';
import { recordedTimeMs } from '../runtime/clock.js';
import { timeoutFor } from './ask.js';
import { giveUpInput, type Resumed, sourcesToRestore } from './restore.js';
import { ownerOf, save, writeStates, type RecoveryPass, type StoredStates } from './pass.js';
import { positionsOf } from './start-checkpoint.js';

export interface CarriedForward {
  /** The stored checkpoint whose operator states are copied. */
  readonly from: LoadedCheckpoint;
  /** What the new manifest says, where it differs in more than id, states and handles. */
  readonly content: CheckpointManifest;
  readonly epoch: number;
  readonly fields?: Pick<TidegateFields, 'restoredFrom' | 'lostInput'>;
}

export interface MovedFrom {
  readonly from: LoadedCheckpoint;
  readonly base: PersistedManifest;
  /** What the plan resumes, as a person knows it. */
  readonly resumed: Resumed;
  readonly epoch: number;
}

/**
 * Writes it durably under a new id. It carries no handles, because nothing was prepared for it, but
 * the newest commit of every sink: a sink that is set back afterwards shows at the next start.
 */
export async function copyCheckpoint(
  pass: RecoveryPass,
  { from, content, epoch, fields }: CarriedForward,
): Promise<PersistedManifest> {
  const { request, store } = pass;
  const id = store.allocateCheckpointId();
  const states = await copyStates(pass, id, from);
  const sinkMarkers = markersToHandOn(content, pass.lastCommitted);
  const committed: SinkCommitStatus = { kind: 'committed' };
  return save(pass, {
    ...content,
    checkpointId: id,
    epoch,
    timestampMs: recordedTimeMs(request.ports.clock),
    sinkCommitStatuses: new Map(content.sinkNames.map((sink) => [sink, committed])),
    operatorStates: states.entries,
    stateChecksum: states.checksum,
    tidegate: {
      ...ownFields(ownerOf(store)),
      ...(sinkMarkers.size > 0 ? { sinkMarkers } : {}),
      ...definitionsOf(from),
      ...lossesOf(content),
      ...fields,
    },
  });
}

/** The bytes are copied as they are: so is what says whose they are. */
function definitionsOf({
  manifest,
}: LoadedCheckpoint): Pick<TidegateFields, 'operatorDefinitions'> {
  const operatorDefinitions = manifest.tidegate?.operatorDefinitions;
  return operatorDefinitions === undefined ? {} : { operatorDefinitions };
}

/** Of sources that there are: what was given up once is said for as long as they go on. */
function lossesOf({ tidegate }: CheckpointManifest): Pick<TidegateFields, 'lostInput'> {
  const lostInput = tidegate?.lostInput;
  return lostInput === undefined ? {} : { lostInput };
}

/**
 * Sources and tables that the resumed checkpoint does not know start where they are now, and those
 * whose lost input is given up go on where they can. That is durable before their first record is
 * read: a crash must not make them start elsewhere. Undefined when there are none.
 */
export async function recordMoved(
  pass: RecoveryPass,
  { from, base, resumed, epoch }: MovedFrom,
): Promise<PersistedManifest | undefined> {
  const { sources, tables } = pass.request.participants;
  const { manifest } = base;
  const lost = await giveUpInput(pass, resumed, sourcesToRestore(pass, manifest));
  const isMoved = (known: ReadonlyMap<string, unknown>, name: string): boolean =>
    !known.has(name) || lost.has(name);
  const movedSources = [...sources].filter(([name]) => isMoved(manifest.sourceOffsets, name));
  const movedTables = [...tables].filter(([name]) => isMoved(manifest.tableOffsets, name));
  if (movedSources.length === 0 && movedTables.length === 0) return undefined;
  const now = await positionsOf(pass, 'source', new Map(movedSources), epoch);
  const tablesNow = await positionsOf(pass, 'table', new Map(movedTables), epoch);
  const content = {
    ...manifest,
    sourceOffsets: merged(manifest.sourceOffsets, now.offsets, sources),
    tableOffsets: merged(manifest.tableOffsets, tablesNow.offsets, tables),
    sourceWatermarks: merged(manifest.sourceWatermarks, now.watermarks, sources),
    sourceNames: [...sources.keys()].sort(),
  };
  const positions = new Map([...now.offsets, ...tablesNow.offsets]);
  const fields = lost.size === 0 ? {} : { lostInput: withLosses(manifest, lost, positions) };
  return copyCheckpoint(pass, { from, content, epoch, fields });
}

function withLosses(
  { tidegate }: CheckpointManifest,
  lost: ReadonlyMap<string, Omit<LostInput, 'to'>>,
  positions: ReadonlyMap<string, ConnectorCheckpoint>,
): ReadonlyMap<string, LostInput> {
  const all = new Map(tidegate?.lostInput);
  for (const [name, loss] of lost) {
    all.set(name, { ...loss, to: positions.get(name)?.offsets ?? new Map() });
  }
  return all;
}

/** What is registered now; offsets of a source that was removed would be orphaned. */
function merged<Value>(
  stored: ReadonlyMap<string, Value>,
  added: ReadonlyMap<string, Value>,
  registered: ReadonlyMap<string, unknown>,
): ReadonlyMap<string, Value> {
  return new Map([...stored, ...added].filter(([name]) => registered.has(name)));
}

/** Inline states as they are; the others streamed into a sidecar of the new checkpoint's own. */
async function copyStates(
  pass: RecoveryPass,
  id: CheckpointId,
  from: LoadedCheckpoint,
): Promise<StoredStates> {
  const entries = new Map(from.manifest.operatorStates);
  const external = [...entries].filter(([, state]) => state.external);
  if (external.length === 0) return { entries, checksum: inlineStateDigest(entries) };
  let byteOffset = 0;
  for (const [name, { externalLength }] of external) {
    entries.set(name, externalOperatorState(byteOffset, externalLength));
    byteOffset += externalLength;
  }
  const content = statesOf(
    pass.store,
    from,
    external.map(([name]) => name),
  );
  const what = `copying the states of checkpoint ${from.id} to ${id}`;
  // Read and written.
  const timeoutMs = timeoutFor(pass.budget.callTimeoutMs, 2 * byteOffset);
  return writeStates(pass, what, { id, entries, content, byteLength: byteOffset, timeoutMs });
}

async function* statesOf(
  store: OwnedStore,
  from: LoadedCheckpoint,
  operators: readonly string[],
): AsyncGenerator<Uint8Array> {
  for (const operator of operators) {
    const state = store.readOperatorState(from, operator);
    assert(state !== undefined, `checkpoint ${from.id} lost the state of operator ${operator}`);
    yield* state;
  }
}
