// New manifests: empty, completed, rolled back; and connector positions with nothing in them yet.

import { completeOptions, contract, whole, type OptionTable } from '../options.js';
import { recordedTimeMs, systemClock, type Clock } from '../runtime/clock.js';
import { namedSinks } from './sinks.js';
import {
  DEFAULT_VNODE_COUNT,
  manifestVersion,
  type CheckpointManifest,
  type ConnectorCheckpoint,
  type SinkCommitStatus,
  type TidegateFields,
} from './types.js';

/** What a manifest is made of. */
export interface CreateManifestOptions {
  /** Default 256. */
  readonly vnodeCount?: number;
  /** Where the creation time comes from, at least 1; the system's clock by default. */
  readonly clock?: Pick<Clock, 'now'>;
}

const optionTable = {
  vnodeCount: whole({ min: 0, max: 65_535 }, DEFAULT_VNODE_COUNT),
  clock: contract(['now'], systemClock),
} satisfies OptionTable<CreateManifestOptions>;

/** An empty manifest of version 1, made now. */
export function createManifest(
  checkpointId: number,
  epoch: number,
  options: CreateManifestOptions = {},
): CheckpointManifest {
  const { clock, vnodeCount } = completeOptions('createManifest', options, optionTable);
  return {
    version: manifestVersion,
    checkpointId,
    epoch,
    timestampMs: recordedTimeMs(clock),
    sourceOffsets: new Map(),
    sinkEpochs: new Map(),
    sinkCommitStatuses: new Map(),
    tableOffsets: new Map(),
    operatorStates: new Map(),
    tableStoreCheckpointPath: undefined,
    watermark: undefined,
    sourceWatermarks: new Map(),
    sourceNames: [],
    sinkNames: [],
    pipelineHash: undefined,
    vnodeCount,
    stateChecksum: undefined,
  };
}

/** A connector's position in an epoch; without offsets it is a position without a value yet. */
export function connectorCheckpoint(
  epoch: number,
  offsets: ReadonlyMap<string, string> = new Map(),
): ConnectorCheckpoint {
  return { offsets: new Map(offsets), epoch, metadata: new Map() };
}

/** Who writes a manifest. */
export type ManifestOwner = Pick<TidegateFields, 'storeId' | 'pipeline' | 'generation'>;

/** Every sink has committed: statuses and sink epochs as the last step of a checkpoint writes them. */
export function completed(manifest: CheckpointManifest): CheckpointManifest {
  const sinks = namedSinks(manifest);
  if (sinks.size === 0) return manifest;
  const sinkCommitStatuses = new Map(manifest.sinkCommitStatuses);
  const sinkEpochs = new Map(manifest.sinkEpochs);
  for (const sink of sinks) {
    sinkCommitStatuses.set(sink, { kind: 'committed' });
    sinkEpochs.set(sink, Math.max(manifest.epoch, sinkEpochs.get(sink) ?? 0));
  }
  return { ...manifest, sinkCommitStatuses, sinkEpochs };
}

/**
 * Discarded. The mark decides; the statuses are for readers that know only them, and no
 * rule reads their text.
 */
export function rolledBack(
  manifest: CheckpointManifest,
  owner: ManifestOwner,
  reason: string,
): CheckpointManifest {
  const failed: SinkCommitStatus = { kind: 'failed', message: `rolled back: ${reason}` };
  const sinkCommitStatuses = new Map(manifest.sinkCommitStatuses);
  for (const sink of namedSinks(manifest)) {
    if (sinkCommitStatuses.get(sink)?.kind !== 'committed') sinkCommitStatuses.set(sink, failed);
  }
  const tidegate = manifest.tidegate ?? ownFields(owner);
  const mark = { reason, generation: owner.generation };
  return { ...manifest, sinkCommitStatuses, tidegate: { ...tidegate, rolledBack: mark } };
}

/** tidegate's fields of a manifest that no sink prepared anything for. */
export function ownFields(owner: ManifestOwner): TidegateFields {
  const { storeId, pipeline, generation } = owner;
  return { storeId, pipeline, generation, kind: 'checkpoint', commitHandles: new Map() };
}
