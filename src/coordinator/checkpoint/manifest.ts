// The manifest of an attempt, as step 5 saves it: everything pending that still has to commit.

import { assert } from '../../assert.js';
import { savedDefinitions } from '../../contracts/operator-definition.js';
import { createManifest } from '../../manifest/create.js';
import { inlineOperatorState } from '../../manifest/operator-state.js';
import { markersToHandOn } from '../../manifest/sinks.js';
import type {
  CheckpointManifest,
  ConnectorCheckpoint,
  LostInput,
  OperatorCheckpoint,
  TidegateFields,
} from '../../manifest/types.js';
import { inlineStateDigest } from '../../store/state-checks.js';
import type { Attempt, StepInput } from './attempt.js';
import type { Cut, CutPosition } from './pending-cut.js';
import type { PreparedSinks } from './steps/pre-commit.js';
import type { StoredStates } from './steps/sidecar.js';
import type { EncodedStates } from './steps/snapshot.js';

/** Everything that the earlier steps have made for a manifest. */
export interface ManifestInput extends StepInput {
  readonly cut: Cut;
  readonly states: EncodedStates;
  readonly prepared: PreparedSinks;
  readonly stored: StoredStates;
}

/** Enters every sink into the attempt's ledger, and writes down the cut. */
export function draftManifest(input: ManifestInput): CheckpointManifest {
  const { attempt, cut, stored, states, prepared } = input;
  const { context, barrier, ledger, generation } = attempt;
  enterSinks(attempt, prepared);
  const entries = operatorStates(states, stored);
  const { participants, options } = context;
  return {
    ...createManifest(barrier.checkpointId, barrier.epoch, {
      vnodeCount: options.vnodeCount,
      clock: context.clock,
    }),
    sourceOffsets: positions(cut.sources, barrier.epoch),
    tableOffsets: positions(cut.tables, barrier.epoch),
    // Of a sink that was removed it would be an epoch without a status, which the original refuses.
    sinkEpochs: new Map(
      [...generation.sinkEpochs].filter(([sink]) => participants.sinks.has(sink)),
    ),
    sinkCommitStatuses: new Map(ledger.statuses),
    operatorStates: entries,
    tableStoreCheckpointPath: states.tableStorePath,
    watermark: cut.watermark,
    sourceWatermarks: watermarks(cut),
    sourceNames: [...participants.sources.keys()].sort(),
    sinkNames: [...participants.sinks.keys()].sort(),
    pipelineHash: context.pipelineHash,
    stateChecksum: stored.stateChecksum ?? inlineStateDigest(entries),
    tidegate: ownFields(attempt, prepared),
  };
}

function operatorStates(
  states: EncodedStates,
  stored: StoredStates,
): ReadonlyMap<string, OperatorCheckpoint> {
  const entries = new Map(stored.entries);
  for (const [name, bytes] of states.inline) {
    if (!entries.has(name)) entries.set(name, inlineOperatorState(bytes));
  }
  return entries;
}

function enterSinks({ generation, ledger }: Attempt, prepared: PreparedSinks): void {
  for (const { name, kind } of generation.sinks.values()) {
    const mustCommit = kind === 'two-phase';
    assert(!mustCommit || prepared.has(name), `sink ${name} goes into a manifest unprepared`);
    ledger.enter(name, mustCommit ? 'pending' : 'committed');
  }
}

function ownFields(attempt: Attempt, prepared: PreparedSinks): TidegateFields {
  const { context, barrier, generation, request } = attempt;
  const commitHandles = new Map<string, string>();
  for (const [sink, { handle }] of prepared) commitHandles.set(sink, handle);
  return {
    storeId: generation.store.storeId,
    pipeline: context.pipeline,
    generation: barrier.generation,
    kind: request.kind,
    ...(request.label === undefined ? {} : { label: request.label }),
    commitHandles,
    operatorDefinitions: savedDefinitions(context.participants.operators),
    ...handedOn(attempt, prepared),
    ...lossesOf(attempt),
  };
}

/** What is known of sinks that prepare nothing here: removed for a while, or of another class now. */
function handedOn(
  { generation }: Attempt,
  prepared: PreparedSinks,
): Pick<TidegateFields, 'sinkMarkers'> {
  const known = markersToHandOn(generation.base.manifest);
  const markers = [...known].filter(([sink]) => !prepared.has(sink));
  return markers.length === 0 ? {} : { sinkMarkers: new Map(markers) };
}

/** What was given up once is said for as long as the source goes on. */
function lossesOf({ context, generation }: Attempt): Pick<TidegateFields, 'lostInput'> {
  const { sources, tables } = context.participants;
  const known = generation.base.manifest.tidegate?.lostInput ?? new Map<string, LostInput>();
  const kept = [...known].filter(([name]) => sources.has(name) || tables.has(name));
  return kept.length === 0 ? {} : { lostInput: new Map(kept) };
}

function positions(
  reached: ReadonlyMap<string, CutPosition>,
  epoch: number,
): ReadonlyMap<string, ConnectorCheckpoint> {
  const checkpoints = new Map<string, ConnectorCheckpoint>();
  for (const [name, { offsets, metadata }] of reached) {
    checkpoints.set(name, { offsets, metadata, epoch });
  }
  return checkpoints;
}

function watermarks(cut: Cut): ReadonlyMap<string, bigint> {
  const bySource = new Map<string, bigint>();
  for (const [source, { watermark }] of cut.sources) {
    if (watermark !== undefined) bySource.set(source, watermark);
  }
  return bySource;
}
