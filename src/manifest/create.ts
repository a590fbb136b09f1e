// New manifests and connector positions, with nothing in them yet.

import { requireOptions, type NamesOf } from '../given.js';
import { recordedTimeMs, systemClock, type Clock } from '../runtime/clock.js';
import {
  DEFAULT_VNODE_COUNT,
  manifestVersion,
  type CheckpointManifest,
  type ConnectorCheckpoint,
} from './types.js';

export interface CreateManifestOptions {
  /** Default 256. */
  readonly vnodeCount?: number;
  /** Where the creation time comes from, at least 1; the system's clock by default. */
  readonly clock?: Pick<Clock, 'now'>;
}

const optionNames: NamesOf<CreateManifestOptions> = { vnodeCount: true, clock: true };

/** An empty manifest of version 1, made now. */
export function createManifest(
  checkpointId: number,
  epoch: number,
  options: CreateManifestOptions = {},
): CheckpointManifest {
  requireOptions('createManifest', options, optionNames);
  return {
    version: manifestVersion,
    checkpointId,
    epoch,
    timestampMs: recordedTimeMs(options.clock ?? systemClock),
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
    vnodeCount: options.vnodeCount ?? DEFAULT_VNODE_COUNT,
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
